"""What can be told of a sound file: its mark, its label, and which run of this machine it was. Changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from studio import likeness, m4a, soundfiles, watermark
from studio.audio import Audio
from studio.errors import AudioError, EngineUnavailable
from studio.label import Label
from studio.runs import Run, RunStore
from studio.uploads import open_sound
from studio.watermark import Detection

PIECE_SECONDS = 10.0
MOST_SECONDS = 4 * 3600.0  # longer files are refused: nothing of ours is so long
MOST_PIECES = 60  # of a long file that the mark is listened for in, evenly spread
PROBE_SECONDS = 120.0  # of the file that are compared with runs
MOST_RUNS, MOST_RUN_SECONDS = 200, 4 * 3600.0  # the newest, as long as this lasts
END_SECONDS = 0.1  # a copy may be so much longer or shorter: lead-in and padding of a codec


@dataclass(frozen=True)
class Match:
    """The run whose sound a file holds. start: where in the run the file begins, in seconds. turns: those that sound in
    it (0-based). kind: "exact" (every sample), "whole" (coded anew, or at another level) or "part".
    """

    run: Run
    start: float
    turns: tuple[int, ...]
    kind: str


@dataclass(frozen=True)
class Inspection:
    """What was found. label: what the file says of itself, a claim. match: what its sound is. compared: how many runs
    it was held against. mark: of our watermark, see `verdict`.
    """

    name: str
    seconds: float
    sample_rate: int
    mark: Detection
    label: Label | None
    match: Match | None
    compared: int

    @property
    def verdict(self) -> str:
        """What the mark means, for a person."""
        mark = self.mark
        if mark.probability is None:
            return f"Whether it is marked cannot be told: {mark.reason}."
        if not mark.found:
            return (
                "No mark was found. That proves nothing: the mark may have been switched off, or lost to a change of "
                "pitch or speed."
            )
        share = "" if mark.share > 0.9 else f" in {mark.share:.0%} of it"
        return (
            f"Marked as made by a machine{share}. Dialogue Studio marks so, and so do other programs with Perth's "
            "watermark."
        )

    @property
    def origin(self) -> str:
        """Which run of this machine it was, for a person."""
        if self.match is None:
            return _unknown(self.label, self.compared)
        run, kind = self.match.run, self.match.kind
        if kind == "exact":
            told = f"It is run {run.id} to the last sample."
        elif kind == "whole":
            told = f"It is run {run.id}, coded anew or changed a little."
        else:
            told = f"It holds sound of run {run.id}, from {max(0.0, self.match.start):.1f} s of it on."
        if self.label and not _names(self.label, run):
            told += f" Its label names another run, {self.label.run}: it was relabelled."
        return told

    def lines(self) -> list[tuple[str, str]]:
        """Everything as headings and texts for a person."""
        told = [("sound", f"{self.name}: {self.seconds:.1f} s at {self.sample_rate} Hz"), ("mark", self.verdict)]
        if self.label is None:
            told.append(("label", "It says nothing of Dialogue Studio about itself."))
        else:
            label = self.label
            told.append(("label", f"It says of itself: spoken by {label.engine} with {', '.join(label.voices)}."))
            told.append(("", f"Seed {label.seed}, {label.created}, run {label.run}, watermark: {label.watermark}."))
        return [*told, ("origin", self.origin)]

    def values(self) -> dict[str, Any]:
        """Everything as plain values for a program."""
        match = self.match
        return {
            "name": self.name,
            "seconds": round(self.seconds, 4),
            "sample_rate": self.sample_rate,
            "watermark": {
                "found": self.mark.found if self.mark.probability is not None else None,
                "probability": self.mark.probability,
                "share": round(self.mark.share, 4),
                "meaning": self.verdict,
            },
            "label": self.label.values() if self.label else None,
            "match": None
            if match is None
            else {
                "run": match.run.id,
                "kind": match.kind,
                "start": round(match.start, 3),
                "turns": list(match.turns),
                "takes": list(match.run.takes),
            },
            "compared": self.compared,
            "origin": self.origin,
        }


def _unknown(label: Label | None, compared: int) -> str:
    if label is None:
        return f"It is none of the {compared} runs that are kept here." if compared else "No run is kept here."
    return (
        f"Its label names run {label.run}, but no sound of this machine is like it: it was made elsewhere, the run was "
        "deleted, or the sound was edited."
    )


def inspect(path: Path, runs: RunStore) -> Inspection:
    """Look at a sound file. Raises AudioError when it is not one that can be read."""
    if not path.is_file():
        raise AudioError(f"{path} is not a file.", "Name a sound file.")
    source = _source(path)
    seconds, rate = _facts(path.name, source())
    label = Label.read(_comment(path))
    candidates = list(_candidates(runs, label))
    match = _match(source, seconds, candidates)
    return Inspection(path.name, seconds, rate, _mark(source(), seconds), label, match, len(candidates))


Source = Callable[[], Iterator[Audio]]  # a file's sound from its beginning, in pieces of at most PIECE_SECONDS


def _source(path: Path) -> Source:
    """How the file is read: piece by piece, or whole where only FFmpeg can. Raises AudioError."""
    try:
        next(soundfiles.blocks_of(path), None)
    except AudioError:
        audio = open_sound(path).audio
        step = round(PIECE_SECONDS * audio.sample_rate)
        starts = range(0, len(audio.samples), step)
        return lambda: (Audio(audio.samples[at : at + step], audio.sample_rate) for at in starts)
    return lambda: soundfiles.blocks_of(path, PIECE_SECONDS)


def _facts(name: str, pieces: Iterator[Audio]) -> tuple[float, int]:
    """Seconds and rate. Raises AudioError when there is no sound, or too much."""
    seconds, rate = 0.0, 0
    for piece in _until(pieces, MOST_SECONDS):
        seconds, rate = seconds + piece.seconds, piece.sample_rate
    if not rate:
        raise AudioError(f"{name} holds no sound.", "Choose another file.")
    if seconds > MOST_SECONDS:
        raise AudioError(f"{name} is longer than {MOST_SECONDS / 3600:g} hours.", "Inspect a part of it.")
    return seconds, rate


def _until(pieces: Iterable[Audio], seconds: float) -> Iterator[Audio]:
    """The pieces up to and with the one that passes so many seconds."""
    heard = 0.0
    for piece in pieces:
        yield piece
        heard += piece.seconds
        if heard > seconds:
            return


def _comment(path: Path) -> str:
    if soundfiles.is_mp4(path):
        return m4a.tags_of(path).get("comment", "")
    try:
        with soundfile.SoundFile(path) as file:
            return str(file.comment)
    except soundfile.SoundFileError:  # a kind that we do not write
        return ""


def _mark(pieces: Iterator[Audio], seconds: float) -> Detection:
    every = max(1, math.ceil(seconds / (MOST_PIECES * PIECE_SECONDS)))
    try:
        return watermark.detect(islice(pieces, 0, None, every))
    except EngineUnavailable as error:
        return Detection(None, reason=str(error).rstrip("."))


def _names(label: Label, run: Run) -> bool:
    """Whether the label is the run's: files of earlier versions have its id."""
    return label.run in (run.alias, run.id)


def _candidates(runs: RunStore, label: Label | None) -> Iterator[Run]:
    """The runs to compare with, the one that the label names first."""
    seconds = 0.0
    for run in sorted(runs.recent(MOST_RUNS), key=lambda run: not (label and _names(label, run))):
        if run.output is not None and run.output.is_file() and seconds < MOST_RUN_SECONDS:
            seconds += run.seconds
            yield run


def _match(source: Source, seconds: float, runs: Iterable[Run]) -> Match | None:
    part = likeness.narrow(_until(source(), PROBE_SECONDS))
    for run in runs:
        assert run.output is not None
        place = likeness.find(part, likeness.narrow(soundfiles.blocks_of(run.output)))
        if place:
            end = place.start + seconds
            turns = tuple(one.turn for one in run.timings if one.start < end and one.end > place.start)
            return Match(run, place.start, turns, _kind(source, seconds, run, place.start))
    return None


def _kind(source: Source, seconds: float, run: Run, start: float) -> str:
    assert run.output is not None
    if abs(start) > END_SECONDS or abs(seconds - run.seconds) > END_SECONDS:
        return "part"
    pairs = zip(source(), soundfiles.blocks_of(run.output, PIECE_SECONDS), strict=False)
    if abs(seconds - run.seconds) < 1e-6 and all(np.array_equal(a.samples, b.samples) for a, b in pairs):
        return "exact"
    return "whole"
