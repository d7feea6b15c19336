"""What ratings say: who heard well enough, then mean, 95 % interval and median of everything that was rated.

Who is left out: as ITU-R BS.1534-3 says, a listener who gave the hidden reference less than 90, or the middle anchor
more than 90, on more than 15 % of the sheets. The interval is Student's, over the listeners' own means, since what one
person gives is not independent; with one listener it is over scripts, and speaks for that person only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median, stdev
from typing import Any

from studio.errors import RequestError
from studio.trials.comparison import Entry, labels
from studio.trials.ratings import ENTRY, LABELS, ROLES, Rating, Stimulus

HEARD_FROM = 90.0
MOST_FAILED = 0.15


@dataclass(frozen=True)
class Grade:
    """One row. low, high: the 95 % interval of the mean, None where one number has no interval. quartiles: of all
    scores. word: the fifth of the scale that the mean is in.
    """

    label: str
    role: str
    mean: float
    low: float | None
    high: float | None
    median: float
    quartiles: tuple[float, float]
    scores: int

    @property
    def word(self) -> str:
        return LABELS[min(4, int(self.mean // 20))]


@dataclass(frozen=True)
class Screened:
    """A listener of MUSHRA sheets. reference, middle: sheets on which the hidden reference was below 90, the middle
    anchor above. is_out: whether the standard leaves the listener out.
    """

    listener: str
    sheets: int
    reference: int
    middle: int

    @property
    def is_out(self) -> bool:
        return max(self.reference, self.middle) > MOST_FAILED * self.sheets


@dataclass(frozen=True)
class Grading:
    """grades: by their mean, the best first. over: what the intervals are over, in words. verdict: in words."""

    method: str
    grades: tuple[Grade, ...]
    screened: tuple[Screened, ...]
    listeners: int
    sheets: int
    over: str
    verdict: str

    @property
    def values(self) -> dict[str, Any]:
        """As plain JSON."""
        told = asdict(self)
        told["grades"] = [{**asdict(one), "word": one.word} for one in self.grades]
        told["screened"] = [{**asdict(one), "is_out": one.is_out} for one in self.screened]
        return told


def grade(ratings: Sequence[Rating], titles: Mapping[str, str], method: str) -> Grading:
    """What ratings of one method say. titles: engine -> its name. Raises RequestError when none is left to count."""
    found = [rating for rating in ratings if rating.method == method]
    if not found:
        raise RequestError("There is no rating of this kind yet.", "Rate a script first.")
    screened = screen(found)
    out = {one.listener for one in screened if one.is_out}
    counted = [rating for rating in found if rating.listener not in out]
    if not counted:
        raise RequestError(
            "Every listener is left out: the hidden reference was not found.",
            "Listen for the reference: it is to be given 90 or more.",
        )
    people = {rating.listener for rating in counted}
    unit: Callable[[Rating], str] = (lambda one: one.listener) if len(people) > 1 else (lambda one: one.script)
    units = len(set(map(unit, counted)))
    grades = sorted(_grades(counted, titles, unit), key=lambda one: -one.mean)
    over = f"{units} listeners" if len(people) > 1 else f"one listener, scripts: {units}"
    return Grading(method, tuple(grades), screened, len(people), len(counted), over, _verdict(grades, units))


def screen(ratings: Sequence[Rating]) -> tuple[Screened, ...]:
    """How each listener heard hidden reference and middle anchor."""
    told = []
    for listener in dict.fromkeys(one.listener for one in ratings if one.method == "mushra"):
        own = [one for one in ratings if one.listener == listener and one.method == "mushra"]
        missed = sum(one.score("reference") < HEARD_FROM for one in own)
        fooled = sum(one.score("middle") > HEARD_FROM for one in own)
        told.append(Screened(listener, len(own), missed, fooled))
    return tuple(told)


def _grades(ratings: Sequence[Rating], titles: Mapping[str, str], unit: Callable[[Rating], str]) -> list[Grade]:
    """A row for everything that was rated; an entry that is the reference on some sheets has two."""
    sums: dict[tuple[str, str], dict[str, list[float]]] = {}
    shown: dict[tuple[str, str], Stimulus] = {}
    for rating in ratings:
        for one in rating.stimuli:
            key = (one.role, one.entry if one.role == ENTRY else "")
            sums.setdefault(key, {}).setdefault(unit(rating), []).append(one.score)
            shown[key] = one
    entries = [Entry(**one.values) for key, one in shown.items() if key[0] == ENTRY and one.values]
    names = dict(zip((entry.id for entry in entries), labels(entries, titles), strict=True))
    return [_grade(role, names.get(entry) or ROLES[role], by_unit) for (role, entry), by_unit in sums.items()]


def _grade(role: str, label: str, by_unit: Mapping[str, Sequence[float]]) -> Grade:
    means = [fmean(scores) for scores in by_unit.values()]
    every = [score for scores in by_unit.values() for score in scores]
    mean, away = fmean(means), half_width(means)
    low, high = (None, None) if away is None else (max(0.0, mean - away), min(100.0, mean + away))
    return Grade(label, role, mean, low, high, median(every), _quartiles(every), len(every))


def half_width(values: Sequence[float]) -> float | None:
    """Half of Student's 95 % interval of the mean; None for fewer than two values."""
    from scipy.stats import t  # 0.5 s: only when somebody looks at scores

    if len(values) < 2:
        return None
    return float(t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    import numpy as np

    low, high = np.percentile(values, [25, 75])
    return float(low), float(high)


def _verdict(grades: Sequence[Grade], units: int) -> str:
    tested = [one for one in grades if one.role == ENTRY]
    if len(tested) < 2:
        return ""
    best, second = tested[:2]
    if best.low is None or second.high is None:
        return "Too few ratings to tell: an interval wants two listeners, or two scripts."
    if best.low > second.high:
        return f"{best.label} is rated best: the intervals do not meet."
    return f"Too few ratings to tell {best.label} and {second.label} apart: their intervals meet."
