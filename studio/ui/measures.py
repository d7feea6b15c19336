"""The measures of a recording in plain words, as a page shows them. Knows what numbers mean, not how they come."""

from __future__ import annotations

from studio import doubts, references
from studio.references import Examination
from studio.ui.forms import Json
from studio.uploads import SoundFacts

CLEAN_DB = 30.0
DULL_HZ = 8000.0
MOSTLY = 60.0  # percent of speech
QUIET_LUFS, LOUD_LUFS = -32.0, -9.0
SHOWN = {  # what a person is shown, by the names of the measures
    "speech_seconds": "Speech",
    "loudness": "Level",
    "clipped": "Clipping",
    "snr": "Over noise",
    "speech_share": "Share of speech",
    "bandwidth": "Treble",
    "decay": "Echo",
    "sustained": "Music",
    "parts_alike": "People",
    "semitones_apart": "Pitches",
    "overlapped": "At once",
}
JUDGED = {  # (what the warnings go by, in words where it is so, and where it is not)
    "clipped": (doubts.is_clipped, "clipped", "none"),
    "decay": (doubts.is_echoing, "it echoes", "none"),
    "sustained": (doubts.is_music, "music", "none"),
    "parts_alike": (doubts.are_two_voices, "two, it seems", "one"),
    "semitones_apart": (doubts.are_two_pitches, "of two, it seems", "of one voice"),
    "overlapped": (doubts.are_at_once, "two speak", "one speaks"),
}
Word = tuple[str, str]  # in plain words, and "good", "fair" or "bad"


def told(found: Examination, facts: SoundFacts) -> list[Json]:
    """Every measure that is shown: {name, title, text, word, grade}; a missing one says why in `text`."""
    shown = [_length(found.seconds)]
    known = {measure.name: measure.value for measure in found.measures}
    for name, title in SHOWN.items():
        measure = found[name]
        if measure.value is None:
            shown.append({"name": name, "title": title, "text": str(measure), "word": "missing", "grade": "unknown"})
        else:
            word, grade = _judged(name, known) if name in JUDGED else _word(name, measure.value)
            text = str(measure).replace("% of samples", "%")
            shown.append({"name": name, "title": title, "text": text, "word": word, "grade": grade})
    return [*shown, _rate(facts.sample_rate)]


def _length(seconds: float) -> Json:
    word, grade = "just right", "good"
    if seconds < doubts.LEAST_SPEECH_SECONDS:
        word, grade = "too short", "bad"
    elif seconds < references.BEST_FROM:
        word, grade = "a little short", "fair"
    elif seconds > references.BEST_TO + 0.2:
        word, grade = "longer than needed", "fair"
    return {"name": "seconds", "title": "Length", "text": f"{seconds:.1f} s", "word": word, "grade": grade}


def _rate(rate: int) -> Json:
    word, grade = ("full", "good") if rate >= 22_050 else ("enough", "fair") if rate >= 16_000 else ("low", "bad")
    return {"name": "rate", "title": "Sample rate", "text": f"{rate / 1000:g} kHz", "word": word, "grade": grade}


def _word(name: str, value: float) -> Word:
    """A value in plain words. name: one of SHOWN, none of JUDGED."""
    match name:
        case "speech_seconds":
            return _speech(value)
        case "loudness":
            return _loudness(value)
        case "snr":
            return _noise(value)
        case "speech_share":
            return ("mostly speech", "good") if value >= MOSTLY else ("many pauses", "fair")
    return _treble(value)


def _judged(name: str, known: dict[str, float | None]) -> Word:
    """A value as the warnings take it. name: one of JUDGED."""
    is_so, yes, no = JUDGED[name]
    return (yes, "bad") if is_so(known) else (no, "good")


def _speech(seconds: float) -> Word:
    if seconds < 1:
        return "none to speak of", "bad"
    return ("enough", "good") if seconds >= doubts.LEAST_SPEECH_SECONDS else ("little", "fair")


def _loudness(lufs: float) -> Word:
    if lufs < doubts.QUIET_LUFS:
        return "very quiet", "bad"
    if lufs < QUIET_LUFS:
        return "quiet", "fair"
    return ("loud", "fair") if lufs > LOUD_LUFS else ("good", "good")


def _noise(decibels: float) -> Word:
    if decibels < doubts.VERY_NOISY_DB:
        return "very noisy", "bad"
    if decibels < doubts.NOISY_DB:
        return "noisy", "fair"
    return ("very clean", "good") if decibels >= CLEAN_DB else ("clean", "good")


def _treble(hertz: float) -> Word:
    if hertz < doubts.NARROW_HZ:
        return "a telephone", "bad"
    return ("full", "good") if hertz >= DULL_HZ else ("a little dull", "fair")
