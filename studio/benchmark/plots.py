"""Plots of figures as SVG text, drawn here: no library, no request. Knows numbers and words, no benchmark.

Colours are classes that whoever shows a plot styles: .bar and .dot with data-colour, .other for figures of others,
.mark for a line across, .grid, .name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LABEL, RIGHT, BAR, TOP, BOTTOM = 480, 150, 72, 26, 12, 34
LONGEST_NAME = 20
LEAST_SHOWN = 1e-3  # on a scale of powers of ten


@dataclass(frozen=True)
class Bar:
    """A value and between what it lay. colour: 0 to 7. is_other: somebody else's figure. note: shown at the pointer."""

    name: str
    value: float
    least: float
    most: float
    colour: int = 0
    is_other: bool = False
    text: str = ""
    note: str = ""


@dataclass(frozen=True)
class Mark:
    """A line across a plot, such as real time."""

    value: float
    name: str


def bars(title: str, rows: Sequence[Bar], unit: str, marks: Sequence[Mark] = (), is_log: bool = False) -> str:
    """Horizontal bars, one a row, with a whisker from the least to the most. is_log: powers of ten."""
    scale = _Scale([row.most for row in rows] + [row.value for row in rows] + [mark.value for mark in marks], is_log)
    height = TOP + BAR * len(rows) + BOTTOM
    drawn = [_tick(scale, value, height) for value in scale.ticks()]
    drawn += [_mark(scale, mark, height) for mark in marks]
    drawn += [_bar(scale, row, TOP + at * BAR) for at, row in enumerate(rows)]
    drawn.append(
        _text(
            LABEL + (WIDTH - LABEL - RIGHT) / 2,
            height - 3,
            f"{unit}{', powers of ten' if is_log else ''}",
            "middle",
            "grid",
        )
    )
    told = "; ".join(f"{row.name} {row.text}" for row in rows)
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(f"{title}: {told}", True)}">'
        f"{''.join(drawn)}</svg>"
    )


class _Scale:
    """From a value to where it stands."""

    def __init__(self, values: Sequence[float], is_log: bool) -> None:
        found = [value for value in values if value > 0 and math.isfinite(value)] or [1.0]
        self._is_log = is_log
        if is_log:
            self.low = 10 ** math.floor(math.log10(max(LEAST_SHOWN, min(found) / 2)))
            self.high = max(10 * self.low, 10 ** math.ceil(math.log10(max(found))))
        else:
            self.low, self.high = 0.0, _round_up(max(found))

    def __call__(self, value: float) -> float:
        value = min(max(value, self.low), self.high)
        share = (
            math.log10(value / self.low) / math.log10(self.high / self.low)
            if self._is_log
            else (value - self.low) / (self.high - self.low)
        )
        return LABEL + share * (WIDTH - LABEL - RIGHT)

    def ticks(self) -> list[float]:
        if self._is_log:
            return [self.low * 10**at for at in range(round(math.log10(self.high / self.low)) + 1)]
        return [self.high * at / 4 for at in range(5)]


def _round_up(value: float) -> float:
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10) if step * size >= value * 0.999)


def _tick(scale: _Scale, value: float, height: float) -> str:
    x = scale(value)
    line = f'<path class="grid" d="M{x:.1f} {TOP}V{height - BOTTOM + 4:.0f}"/>'
    return line + _text(x, height - BOTTOM + 16, f"{value:.3g}", "middle", "grid")


def _mark(scale: _Scale, mark: Mark, height: float) -> str:
    x = scale(mark.value)
    line = f'<path class="mark" d="M{x:.1f} 0V{height - BOTTOM + 4:.0f}"/>'
    return line + _text(x + 3, 9, mark.name, "start", "mark")


def _bar(scale: _Scale, row: Bar, top: float) -> str:
    x, y = scale(row.value), top + BAR / 2
    kind = 'class="bar other"' if row.is_other else f'class="bar" data-colour="{row.colour}"'
    body = f'<rect {kind} x="{LABEL}" y="{top + 5:.0f}" width="{max(1.5, x - LABEL):.1f}" height="{BAR - 10}"/>'
    whisker = ""
    if row.most > row.least:
        left, right = scale(row.least), scale(row.most)
        whisker = f'<path class="whisker" d="M{left:.1f} {y}H{right:.1f}M{left:.1f} {y - 4}v8M{right:.1f} {y - 4}v8"/>'
    name = _text(
        LABEL - 8,
        y + 4,
        row.name if len(row.name) <= LONGEST_NAME else f"{row.name[: LONGEST_NAME - 1]}…",
        "end",
        "name",
    )
    value = _text(max(x, scale(row.most)) + 6, y + 4, row.text, "start", "name")
    note = f"<title>{escape(row.note or f'{row.name}: {row.text}')}</title>"
    return f"<g>{note}{body}{whisker}{name}{value}</g>"


def _text(x: float, y: float, text: str, anchor: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


@dataclass(frozen=True)
class Dot:
    """A point of a scatter."""

    name: str
    x: float
    y: float
    colour: int


def scatter(title: str, dots: Sequence[Dot], x_name: str, y_name: str) -> str:
    """Points with their names; x on powers of ten. Good is where both say so in their names."""
    x_scale, height = _Scale([dot.x for dot in dots], True), 240
    low, high = min(dot.y for dot in dots), max(dot.y for dot in dots)
    room = max(0.05, (high - low) * 0.3)
    low, high = low - room, high + room

    def up(value: float) -> float:
        return height - BOTTOM - (value - low) / (high - low) * (height - BOTTOM - TOP)

    drawn = [_tick(x_scale, value, height) for value in x_scale.ticks()]
    for at in range(4):
        value = low + (high - low) * at / 3
        drawn.append(f'<path class="grid" d="M{LABEL} {up(value):.1f}H{WIDTH - RIGHT}"/>')
        drawn.append(_text(LABEL - 8, up(value) + 4, f"{value:.2f}", "end", "grid"))
    for dot in dots:
        x, y = x_scale(dot.x), up(dot.y)
        drawn.append(f'<circle class="bar" data-colour="{dot.colour}" cx="{x:.1f}" cy="{y:.1f}" r="6"/>')
        drawn.append(_text(x + 10, y + 4, dot.name, "start", "name"))
    drawn.append(_text(LABEL + (WIDTH - LABEL - RIGHT) / 2, height - 3, x_name, "middle", "grid"))
    drawn.append(_text(8, TOP + 8, y_name, "start", "grid"))
    told = "; ".join(f"{dot.name} {dot.x:.3g}, {dot.y:.3g}" for dot in dots)
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(f"{title}: {told}", True)}">'
        f"{''.join(drawn)}</svg>"
    )
