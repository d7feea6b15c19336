"""The plots of a benchmark: which figures stand beside which, with whose. Draws by `plots`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.benchmark import published
from studio.benchmark.measures import ALL, Measure, shown
from studio.benchmark.plots import Bar, Dot, Mark, bars, scatter
from studio.benchmark.summary import Summary

COLOURS = 8
REAL_TIME = Mark(1.0, "real time")
CARDS = (Mark(8.0, "8 GB"), Mark(10.0, "10 GB"))


@dataclass(frozen=True)
class Plot:
    """name: a word for a file. note: a sentence under it."""

    name: str
    title: str
    note: str
    svg: str


def plots(summaries: Sequence[Summary], device: str, others: bool = True) -> list[Plot]:
    """The plots for which there are figures. others: with what was published of these engines, marked as such."""
    on_card = device == "cuda"
    memory = "gpu_reserved_gb" if on_card else "host_gb"
    faster = "Less is faster; left of the line an engine is faster than real time."
    alike = "To the recorded voices; from 0.765 on probably the same person."
    found = [
        _plot(summaries, "rtf", faster, others, True, (REAL_TIME,)),
        _plot(summaries, "first_sound_s", "How long one waits, the engine being loaded.", others, True),
        _plot(summaries, memory, "With the lines of usual cards.", others and on_card, False, CARDS),
        _plot(summaries, "wer", "As a recogniser hears it, in percent of the words.", others, False),
        _plot(summaries, "similarity", alike, others, False, (Mark(0.765, "same person"),)),
        _quality(summaries),
    ]
    return [plot for plot in found if plot]


def _plot(  # a line of the list above
    summaries: Sequence[Summary], name: str, note: str, others: bool, is_log: bool, marks: Sequence[Mark] = ()
) -> Plot | None:
    measure = ALL[name]
    rows = [_own(one, measure, at) for at, one in enumerate(summaries) if name in one.spreads]
    if not rows:
        return None
    if others:
        named = "gpu_allocated_gb" if name == "gpu_reserved_gb" else name
        rows += [bar for one in summaries for bar in _others(one.engine, measure, named)]
    return Plot(name, measure.title, note, bars(measure.title, rows, measure.unit or measure.title, marks, is_log))


def _own(summary: Summary, measure: Measure, at: int) -> Bar:
    spread = summary.spreads[measure.name]
    note = f"{summary.title}: {shown(measure, spread.median)}, from {shown(measure, spread.least)} to "
    note += f"{shown(measure, spread.most)}, {spread.count} rows"
    text = shown(measure, spread.median)
    return Bar(summary.title, spread.median, spread.least, spread.most, at % COLOURS, False, text, note)


def _others(engine: str, measure: Measure, name: str) -> list[Bar]:
    found = []
    for one in published.of(engine):
        if one.measure == name and one.least is not None and one.most is not None:
            note = f"{one.system}: {one.published}. {one.hardware}. {one.source}. {one.caveat}"
            middle = (one.least + one.most) / 2
            text = shown(measure, middle)
            found.append(
                Bar(f"{one.system.partition(',')[0]}, {one.hardware}", middle, one.least, one.most, 0, True, text, note)
            )
    return found


def _quality(summaries: Sequence[Summary]) -> Plot | None:
    dots = [
        Dot(one.title, one.spreads["rtf"].median, one.spreads["mos"].median, at % COLOURS)
        for at, one in enumerate(summaries)
        if "rtf" in one.spreads and "mos" in one.spreads and one.spreads["rtf"].median > 0
    ]
    if not dots:
        return None
    title = "Speed and sound"
    note = "Up is a better estimate of the sound (DNSMOS), left is faster. It says nothing of how natural a reading is."
    return Plot("quality", title, note, scatter(title, dots, "RTF, powers of ten", "DNSMOS"))
