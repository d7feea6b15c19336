"""Which engine suits what somebody needs: answered from what is known of engines and what was measured here.

Every answer has its reason and its source. Knows specs and rows, and gives no advice on law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studio.benchmark.store import BenchStore, Row
from studio.engines.base import EngineSpec
from studio.errors import RequestError, suggest
from studio.metrics.spread import percentile
from studio.studio import EngineRow, Studio

SWITCHES = ("stream", "cues", "clone", "commercial", "offline")
SPEC = "what is known of the engine"
MEASURED = "measured here"


@dataclass(frozen=True)
class Needs:
    """gpu_gb: memory of the card, 0 for none. stream: sound while it works. cues: laughs and the like. clone: voices of
    one's own. commercial: use in business. language: its short name. offline: without a network.
    """

    gpu_gb: float = 0.0
    language: str = "en"
    stream: bool = False
    cues: bool = False
    clone: bool = False
    commercial: bool = False
    offline: bool = False

    @staticmethod
    def read(words: Sequence[str]) -> Needs:
        """From words such as gpu=8, language=en, cues. Raises RequestError for what is none of them."""
        values: dict[str, Any] = {}
        for word in words:
            name, sign, value = word.partition("=")
            if name == "gpu" and sign and value.replace(".", "", 1).isdigit():
                values["gpu_gb"] = float(value)
            elif name == "language" and value:
                values["language"] = value.lower()
            elif name in SWITCHES and not sign:
                values[name] = True
            else:
                raise RequestError(f"{word!r} is no need.", suggest(name, ("gpu=8", "language=en", *SWITCHES)))
        return Needs(**values)


@dataclass(frozen=True)
class Reason:
    """holds: whether the need is met. source: where that is known from."""

    holds: bool
    text: str
    source: str


@dataclass(frozen=True)
class Answer:
    """What speaks for an engine and against it; it suits when nothing speaks against it. obstacle: what is in its way
    here and now, such as files that are not fetched yet.
    """

    engine: str
    title: str
    reasons: tuple[Reason, ...]
    obstacle: str

    @property
    def suits(self) -> bool:
        return all(reason.holds for reason in self.reasons)


def answers(studio: Studio, store: BenchStore, needs: Needs) -> list[Answer]:
    """All engines, those that suit first, of these those that can run here, else in menu order."""
    found = [_answer(row, store.all_rows(row.spec.id), needs) for row in studio.engines() if row.spec.id != "tone"]
    return sorted(found, key=lambda answer: (not answer.suits, bool(answer.obstacle)))


def _answer(row: EngineRow, rows: Sequence[Row], needs: Needs) -> Answer:
    spec = row.spec
    reasons = [_memory(spec, rows, needs), _speed(spec, rows, needs), _language(spec, needs)]
    if needs.stream:
        says = "gives sound while it works" if spec.streams else "gives sound only when a passage is done"
        reasons.append(Reason(spec.streams, says, SPEC))
    if needs.cues:
        says = (
            f"performs {len(spec.cues)} sounds that are not words" if spec.cues else "performs none: they are left out"
        )
        reasons.append(Reason(bool(spec.cues), says, SPEC))
    if needs.clone:
        reasons.append(Reason(spec.clones, f"{'follows' if spec.clones else 'cannot follow'} recorded voices", SPEC))
    if needs.commercial:
        reasons.append(Reason(bool(spec.licence), f"its licence: {spec.licence or 'not known'}; read it", SPEC))
    if needs.offline:
        text = "speaks without a network once its files are here"
        reasons.append(Reason(True, text, SPEC))
    obstacle = f"{row.obstacle.reason} {row.obstacle.remedy}" if row.obstacle else ""
    return Answer(spec.id, spec.title, tuple(reasons), obstacle)


def _memory(spec: EngineSpec, rows: Sequence[Row], needs: Needs) -> Reason:
    if not needs.gpu_gb:
        text = f"takes {spec.memory_gb:g} GB of the computer's memory"
        return Reason(not spec.needs_gpu, text if not spec.needs_gpu else f"wants a GPU; {text} else", SPEC)
    on_card = [row.values["gpu_reserved_gb"] for row in rows if "gpu_reserved_gb" in row.values]
    most, source = (max(on_card), MEASURED) if on_card else (spec.memory_gb, SPEC)
    return Reason(most <= needs.gpu_gb, f"takes {most:.1f} GB of {needs.gpu_gb:g} GB", source)


def _speed(spec: EngineSpec, rows: Sequence[Row], needs: Needs) -> Reason:
    measured = [row.values["rtf"] for row in rows if "rtf" in row.values]
    if measured:
        rtf = percentile(measured, 50)
        return Reason(rtf <= 1 or not needs.stream, f"works {rtf:.2g} s for a second of sound", MEASURED)
    if spec.cpu_rtf and not needs.gpu_gb:
        text = f"works about {spec.cpu_rtf:g} s for a second of sound on two cores"
        return Reason(spec.cpu_rtf <= 1 or not needs.stream, text, SPEC)
    return Reason(True, "its speed is not known here: measure it", "nothing")


def _language(spec: EngineSpec, needs: Needs) -> Reason:
    spoken = [language.partition("-")[0] for language in spec.languages]
    return Reason(needs.language in spoken, f"speaks {', '.join(spec.languages)}", SPEC)
