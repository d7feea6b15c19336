"""`Recordings`: recordings that somebody brings, measured, cut and written down, as functions from JSON to JSON.

Knows no library but its recordings, and keeps nothing but sounds to listen to. A recording is named by where the upload
lies, or by a voice of the library and one of its recordings; whatever else a page may name is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, TypeVar

from studio import casting, references
from studio.audio import Audio
from studio.errors import AudioError, RequestError
from studio.hearing import Heard
from studio.intake import edits
from studio.library import Reference
from studio.metrics import activity, words
from studio.metrics.activity import Span
from studio.metrics.retiming import retimed
from studio.references import Examination, Prepared, Steps
from studio.studio import Studio
from studio.ui import measures
from studio.ui.forms import Json
from studio.ui.listening import Listening
from studio.uploads import MOST_BYTES, MOST_SECONDS, Upload, open_sound
from studio.voice import CONSENTS, TimedWord

MOST_HEARD_SECONDS = 60.0  # no engine follows more than half of that
MOST_TEXT = 5000
KEPT_UPLOADS, KEPT = 3, 64
MOST_RECORDED_SECONDS = 120
AT_ONCE = 2  # recordings that are opened and measured at the same time; the others wait
STEPS = Steps()
Answer = Callable[[Any], Json]
Found = TypeVar("Found")


@dataclass(frozen=True)
class Source:
    """A sound file that may be read. reference: of the library, when it is one. channel: the only one to take."""

    path: Path
    name: str
    reference: Reference | None = None
    channel: int | None = None

    def opened(self) -> Upload:
        """Raises AudioError."""
        return _opened(self.path, self.name, self.channel)


class Recordings:
    """One for all visitors. brought: the folder in which uploads arrive."""

    def __init__(self, studio: Studio, listening: Listening, brought: Path) -> None:
        self.studio = studio
        self._listening = listening
        self._brought = brought
        self._is_free = threading.Semaphore(AT_ONCE)
        self._heard: dict[str, Heard] = {}
        self._found: dict[str, Examination] = {}
        self._lock = threading.Lock()

    def functions(self) -> list[Answer]:
        """What the page may call, each by its name."""
        return [self.recording_setup, *map(self.in_turn, (self.bring, self.weigh, self.write_down))]

    def in_turn(self, function: Answer) -> Answer:
        """The function, few at a time: a file of 100 KB may be ten minutes, which take half a gigabyte to open."""

        @wraps(function)
        def waiting(asked: Any) -> Json:
            with self._is_free:
                return function(asked)

        return waiting

    def recording_setup(self, asked: Json) -> Json:
        """What may be brought, and who listens."""
        return {
            "most_bytes": MOST_BYTES,
            "most_seconds": MOST_SECONDS,
            "most_recorded_seconds": MOST_RECORDED_SECONDS,
            "rate": STEPS.most_hz,
            "rights": list(CONSENTS.items()),
            "may_keep": not self.studio.settings.is_shared,
            "recogniser": self.studio.recogniser.model,
            "obstacle": self.studio.recogniser.obstacle,
        }

    def bring(self, asked: Json) -> Json:
        """Open a recording. asked: {source}. Gives its facts, how to hear it, where one speaks, what to cut out."""
        source = self.source(asked["source"])
        upload = source.opened()
        speech = activity.activity(upload.audio)
        trim, reason = references.suggested(upload.audio, speech)
        facts = upload.facts
        return {
            "name": source.name,
            "seconds": round(upload.audio.seconds, 3),
            "facts": {
                "codec": facts.codec,
                "sample_rate": facts.sample_rate,
                "channels": facts.channels,
                "bits": facts.bits,
                "notes": list(facts.notes),
            },
            "url": self._listening.sound(upload.audio),
            "speech": [_span(span) for span in speech.spans],
            "trim": _span(trim) if trim else None,
            "trim_reason": _why(trim, reason, upload.audio.seconds),
        }

    def weigh(self, asked: Json) -> Json:
        """Prepare a recording and judge what comes of it. asked: {source, steps}."""
        source = self.source(asked["source"])
        facts = source.opened().facts
        prepared, found = self.prepared(asked), self.examined(asked)
        return {
            "url": self._listening.sound(prepared.audio),
            "seconds": round(prepared.audio.seconds, 3),
            "cut": _span(prepared.cut),
            "done": list(prepared.done),
            "measures": measures.told(found, facts),
            "warnings": [asdict(warning) for warning in found.warnings],
            "verdicts": [asdict(verdict) for verdict in found.verdicts],
        }

    def examined(self, asked: Json) -> Examination:
        """What was found in a prepared recording, remembered. asked: {source, steps}."""
        source, audio = self.source(asked["source"]), self.prepared(asked).audio
        with self._lock:
            found = self._found.get(audio.digest)
        if found is None:
            facts = source.opened().facts
            found = references.examine(audio, facts, casting.cloning())
            self._remember(self._found, audio.digest, found)
        return found

    def write_down(self, asked: Json) -> Json:
        """What is said in a prepared recording. asked: {source, steps, text: what is written so far, or null}.

        Gives the text, its words with times and confidence, and how it differs from what was heard.
        """
        audio = self.prepared(asked).audio
        heard = self.hear(audio)
        text = heard.text if asked.get("text") is None else _text(asked["text"])
        compared = words.compare(text, heard.text)
        timed = self.timed(audio, text)
        return {
            "text": text,
            "heard": heard.text,
            "model": heard.model,
            "estimated": heard.estimated,
            "words": [_word(word) for word in timed],
            "matches": compared.matches,
            "wer": round(compared.wer, 3),
            "differences": [list(pair) for pair in compared.differences][:40],
        }

    def hear(self, audio: Audio) -> Heard:
        """What is heard in a sound, remembered. Raises AudioError for a long one, EngineUnavailable."""
        if audio.seconds > MOST_HEARD_SECONDS:
            raise AudioError(
                f"The selection lasts {audio.seconds:.0f} s; up to {MOST_HEARD_SECONDS:.0f} are written down.",
                "Take the suggested trim, or select less.",
            )
        digest = audio.digest
        with self._lock:
            heard = self._heard.get(digest)
        if heard is None:
            heard = self.studio.recogniser.hear(audio)
            self._remember(self._heard, digest, heard)
        return heard

    def timed(self, audio: Audio, text: str, known: Sequence[TimedWord] = ()) -> tuple[TimedWord, ...]:
        """The words of a text with their times in a sound: as they were heard or known, where they were."""
        with self._lock:
            heard = self._heard.get(audio.digest)
        spans = activity.activity(audio).spans or (Span(0.0, audio.seconds),)
        return retimed(text, heard.words if heard else known, spans)

    def _remember(self, memory: dict[str, Found], digest: str, found: Found) -> None:
        with self._lock:
            memory[digest] = found
            while len(memory) > KEPT:
                del memory[next(iter(memory))]

    def prepared(self, asked: Json) -> Prepared:
        """A recording made ready. asked: {source, steps}. Raises AudioError, RequestError."""
        source = self.source(asked["source"])
        return _prepared(source.path, source.name, source.channel, steps_of(asked.get("steps") or {}))

    def source(self, told: Any) -> Source:
        """The file that a page may read. told: {path, name} of an upload, or {voice, sound} of the library.

        Raises RequestError, UnknownVoice.
        """
        if not isinstance(told, Mapping):
            raise RequestError("The page named no recording.", "Bring it again.")
        if "voice" in told:
            return self._kept(str(told["voice"]), str(told["sound"]))
        path = self.upload(told)
        return Source(path, Path(str(told.get("name") or path.name)).name[:200])

    def upload(self, told: Mapping[str, Any]) -> Path:
        """A file that was brought. Raises RequestError for any other."""
        path = Path(str(told["path"])).resolve()
        if not path.is_relative_to(self._brought.resolve()) or not path.is_file():
            raise RequestError("This file is not here any more.", "Bring it again.")
        return path

    def _kept(self, voice_id: str, sound: str) -> Source:
        voice = self.studio.library.get(voice_id)
        reference = next((one for one in voice.references if one.sound == sound), None)
        if reference is None or (self.studio.settings.is_shared and not voice.is_sample):
            raise RequestError("This voice has no such recording.", "Reload the page.")
        original = self.studio.library.original(reference)
        path = original or self.studio.library.path(reference)
        channel = reference.edits.get("channel") if original else None
        name = reference.original_name or f"{voice.name}.flac"
        return Source(path, name, reference, channel if isinstance(channel, int) else None)


def steps_of(told: Any) -> Steps:
    """What is to be done to a recording. told: {cut: [from, to] | null, silence, rate, loudness: whether}.

    Raises RequestError.
    """
    try:
        cut = None if told.get("cut") is None else Span(*(float(at) for at in told["cut"]))
    except (TypeError, ValueError) as error:
        raise RequestError("The page sent no stretch of a recording.", "Reload the page.") from error
    if cut and not 0 <= cut.start < cut.end:
        raise RequestError("There is nothing between the two ends.", "Move them apart.")
    return Steps(
        cut,
        told.get("silence", True) is True,
        STEPS.most_hz if told.get("rate", True) is True else None,
        STEPS.loudness_lufs if told.get("loudness", True) is True else None,
    )


def edits_of(source: Source, prepared: Prepared) -> Json:
    """As `edits`, with the steps that were chosen; `portrait.reference` and `Recordings` read it back."""
    steps = prepared.steps
    return edits(prepared, source.channel) | {
        "silence": steps.trim_silence,
        "rate": steps.most_hz is not None,
        "loudness": steps.loudness_lufs is not None,
    }


@lru_cache(maxsize=KEPT_UPLOADS)
def _opened(path: Path, name: str, channel: int | None) -> Upload:
    """An upload lies where the hash of its bytes says, so the same path is the same sound."""
    return open_sound(path, name, channel)


@lru_cache(maxsize=2 * KEPT_UPLOADS)
def _prepared(path: Path, name: str, channel: int | None, steps: Steps) -> Prepared:
    audio = _opened(path, name, channel).audio
    if steps.cut and steps.cut.start >= audio.seconds:
        raise RequestError("The selection lies behind the end of the recording.", "Select another part.")
    prepared = references.prepare(audio, steps)
    if not len(prepared.audio.samples):
        raise RequestError("There is nothing between the two ends.", "Move them apart.")
    return prepared


def _why(trim: Span | None, reason: str, seconds: float) -> str:
    """The suggestion in words."""
    if trim is None:
        return f"No stretch can be suggested: {reason}."
    if seconds - trim.seconds < 0.3:
        return "All of it: it is short enough and has no silence around it."
    if seconds <= references.BEST_TO:
        return "The whole of the speech, without the silence around it."
    best = f"{references.BEST_FROM:g} to {references.BEST_TO:g} s"
    return f"The cleanest stretch of {best} with much speech in it, cut where it is silent."


def _text(value: Any) -> str:
    text = " ".join(str(value).split())
    if len(text) > MOST_TEXT:
        raise RequestError(f"The transcript is longer than {MOST_TEXT} characters.", "It belongs to a few seconds.")
    return text


def _span(span: Span) -> list[float]:
    return [round(span.start, 3), round(span.end, 3)]


def _word(word: TimedWord) -> list[Any]:
    return [word.text, round(word.start, 3), round(word.end, 3), word.confidence]
