"""`Label`: what every file that we write says about itself, in its metadata. Knows runs, not containers.

Never in it: the script beyond its opening words, names of speakers, and who gave consent or what was noted with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from studio.runs import Run
from studio.soundfiles import Tags

PROGRAM = "Dialogue Studio"
STATEMENT = "AI-generated speech"
TITLE_CHARACTERS = 60
MOST_CHARACTERS = 20_000  # of a comment that may be ours


@dataclass(frozen=True)
class Label:
    """Where a sound came from. run: its alias. created: the run's beginning, UTC. voices: ids, each once. consent: for
    each voice that follows a recording by which right it is used, as a word ("own", "person", "synthetic",
    "licensed").

    licence: of the engine and its model. watermark: the mark's name, or "none" and why. title: the opening words.
    """

    run: str
    created: str
    engine: str
    revision: str
    seed: int
    voices: tuple[str, ...]
    consent: Mapping[str, str]
    licence: str
    watermark: str
    studio: str
    title: str = ""

    @staticmethod
    def of(run: Run) -> Label:
        """The label of a run's files."""
        told = run.provenance
        cast = dict(told.get("voices") or {})
        return Label(
            run=run.alias,
            created=run.created,
            engine=run.engine,
            revision=str(told.get("revision", "")),
            seed=run.seed,
            voices=tuple(dict.fromkeys(run.voices.values())),
            consent={one["id"]: one["consent"]["kind"] for one in cast.values() if one.get("consent")},
            licence=str(told.get("licence", "")),
            watermark=str(told.get("watermark", "none")),
            studio=str(told.get("studio", "")),
            title=_opening(run),
        )

    @staticmethod
    def read(comment: str) -> Label | None:
        """The label in a file's comment, or None when it holds none of ours. What stands there is a claim of whoever
        wrote the file.
        """
        start = comment.find("{")
        if STATEMENT not in comment or start < 0 or len(comment) > MOST_CHARACTERS:
            return None
        try:
            told = json.loads(comment[start : comment.rindex("}") + 1])
            voices, consent = tuple(map(str, told["voices"])), dict(told["consent"])
            label = Label(**{**told, "voices": voices, "consent": consent, "title": ""})
        except (ValueError, TypeError, KeyError):
            return None
        words = (label.run, label.created, label.engine, label.revision, label.licence, label.watermark, label.studio)
        # printable: it may be shown in a terminal, which obeys control characters
        is_plain = all(isinstance(one, str) and one.isprintable() for one in (*words, *voices, *consent.values()))
        return label if is_plain and isinstance(label.seed, int) else None

    def values(self) -> dict[str, Any]:
        """The label as plain values."""
        return {name: value for name, value in asdict(self).items() if name != "title"}

    def tags(self) -> Tags:
        """The label as a file carries it: the common fields, and all of it as JSON in the comment."""
        return Tags(
            title=self.title,
            artist=f"{PROGRAM} ({STATEMENT})",
            date=self.created,
            software=f"{PROGRAM} {self.studio}",
            license=self.licence,
            comment=f"{STATEMENT}, made with {PROGRAM}. {json.dumps(self.values())}",
        )


def _opening(run: Run) -> str:
    text = " ".join(run.script.turns[0].text.split())
    return text if len(text) <= TITLE_CHARACTERS else f"{text[: TITLE_CHARACTERS - 1].rstrip()}…"
