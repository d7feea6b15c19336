"""Every error a user can meet, as one tree; knows no engine, no page and no file format.

    StudioError
    ├── RequestError            the request itself cannot be met as written
    │   ├── ScriptError         the script cannot be read or has nothing to say
    │   ├── UnknownEngine
    │   ├── UnknownVoice
    │   ├── StaleVoice          a voice was changed elsewhere in the meantime
    │   └── UnknownCast         more speakers than the engine can hold, or a speaker without a voice
    ├── EngineUnavailable       the engine exists but cannot run here
    │   ├── AccessRefused       its files are given only to those who accept terms
    │   ├── OutOfMemory         it ran and the memory did not suffice, also with all other engines unloaded
    │   ├── QueueFull           too many wait already
    │   ├── GpuRefused          the GPU is lent by the call, and was not lent for this one
    │   └── ShuttingDown        the studio is being stopped
    ├── SynthesisError          the engine ran and failed, or made no sound
    │   ├── Unspeakable         there is nothing in the text that this engine could say
    │   └── Stalled             it gave no sign of life for too long and was given up
    ├── AudioError              a sound file cannot be read
    ├── LibraryError            the library of voices cannot be read
    └── OutputError             a result cannot be written (disk full, no permission)

`message` says what is wrong, `remedy` what to do next. Both are whole sentences.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class StudioError(Exception):
    """Base of all errors meant for a person. `str()` gives message and remedy."""

    code = "studio_error"  # a stable word for programs (API, `--json`)

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy


class RequestError(StudioError):
    """The request cannot be met as written: a value is missing, unknown or out of range."""

    code = "invalid_request"


class ScriptError(RequestError):
    """The script cannot be read, or there is nothing in it to say."""

    code = "invalid_script"


class UnknownEngine(RequestError):
    """No engine has this id."""

    code = "engine_not_found"


class UnknownVoice(RequestError):
    """No voice has this id, or the chosen engine cannot use it."""

    code = "voice_not_found"


class StaleVoice(RequestError):
    """A voice was changed elsewhere since it was read; nothing was changed now."""

    code = "voice_changed"


class UnknownCast(RequestError):
    """The cast does not fit: too many speakers for the engine, or a speaker without a voice."""

    code = "cast_not_possible"


class EngineUnavailable(StudioError):
    """The engine is known but cannot run here: a package, its files, access or memory is missing."""

    code = "engine_unavailable"


class AccessRefused(EngineUnavailable):
    """The hub gives the engine's files only to those who have accepted terms, and did not give them."""

    code = "access_refused"


class NotInvited(StudioError):
    """A link or a secret that opens nothing."""

    code = "not_invited"


class OutOfMemory(EngineUnavailable):
    """The device's memory did not suffice although every other engine was unloaded."""

    code = "out_of_memory"


class QueueFull(EngineUnavailable):
    """As many requests wait as may wait."""

    code = "queue_full"


class GpuRefused(EngineUnavailable):
    """The GPU that is lent for each passage was not lent: a quota has ended, or none was free."""

    code = "gpu_refused"


class ShuttingDown(EngineUnavailable):
    """The studio is being stopped: nothing new begins, and what ran was ended."""

    code = "shutting_down"


class SynthesisError(StudioError):
    """The engine was asked to speak and failed, or gave no sound for text that has words."""

    code = "synthesis_failed"


class Unspeakable(SynthesisError):
    """The text holds no word, or none that the engine can read."""

    code = "text_not_speakable"


class Stalled(SynthesisError):
    """The engine gave no sign of life for so long that it was given up; the next request gets a new one."""

    code = "engine_stalled"


class AudioError(StudioError):
    """A sound file cannot be read, or is not what it must be."""

    code = "invalid_audio"


class LibraryError(StudioError):
    """The library of voices cannot be read: it is damaged, or of a later version."""

    code = "library_unusable"


class OutputError(StudioError):
    """A result cannot be written."""

    code = "cannot_write"


def suggest(wrong: str, known: Iterable[str]) -> str:
    """A remedy that names the nearest known word, else lists what there is (at most twelve)."""
    names = list(known)
    lowered = {name.lower(): name for name in names}
    near = difflib.get_close_matches(wrong.lower(), list(lowered), n=1)
    if near:
        return f"Did you mean {lowered[near[0]]!r}?"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"There is: {shown}." if names else "There is none yet."
