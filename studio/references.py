"""A judge of reference recordings: what is wrong with one, what of it to use, how each engine will take it.

Knows sound and engines' wishes; nothing of who speaks nor by which right. Nothing here changes a recording: `prepare`
makes a new sound by steps that are kept beside the original, and can be made again with others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from studio import loudness
from studio.audio import Audio
from studio.doubts import Doubt, doubts
from studio.engines.base import EngineSpec
from studio.metrics import Missing, activity, company, echo, level, music, noise, overlap, pitch, rate, stretches
from studio.metrics.activity import Activity, Span
from studio.metrics.stretches import PAD_SECONDS
from studio.uploads import SoundFacts

BEST_FROM, BEST_TO = 5.0, 10.0  # seconds of a trim: what suits most engines
TRIED = 6  # stretches that are listened to before one is suggested
SHARED_SECONDS = 0.6  # of each of two people in a stretch: less is a breath of the other
LISTENED_SECONDS = 60.0  # voices are compared within the first minute

Grade = Literal["good", "fine", "poor", "no"]


@dataclass(frozen=True)
class Measure:
    """One number. name: for programs; title: for people; value: None when `missing` says why."""

    name: str
    title: str
    value: float | None
    unit: str = ""
    missing: str = ""

    def __str__(self) -> str:
        if self.value is None:
            return f"missing, because {self.missing}"
        digits = {"%": 0, "Hz": 0, "": 2, "% of samples": 3}.get(self.unit, 1)
        return f"{self.value:.{digits}f} {self.unit}".strip()


@dataclass(frozen=True)
class Verdict:
    """How an engine takes the recording. seconds: of it that would be used."""

    engine: str
    title: str
    grade: Grade
    seconds: float
    advice: str = ""

    @property
    def text(self) -> str:
        """ "good for Dia 1.6B (7.4 s)", "CSM 1B: fine; longer would help"."""
        if self.grade == "good":
            return f"good for {self.title} ({self.seconds:.1f} s)"
        return f"{self.title}: {self.grade}; {self.advice}"


@dataclass(frozen=True)
class Examination:
    """All that was found out about a recording.

    trim: the stretch to use, cut in silences; None when none can be named (`trim_reason` says why).
    """

    seconds: float
    measures: tuple[Measure, ...]
    warnings: tuple[Doubt, ...]
    verdicts: tuple[Verdict, ...]
    speech: Activity
    trim: Span | None
    trim_reason: str = ""

    def __getitem__(self, name: str) -> Measure:
        return next(measure for measure in self.measures if measure.name == name)

    @property
    def usable(self) -> bool:
        """Whether nothing spoils it."""
        return not any(warning.spoils for warning in self.warnings)

    def values(self) -> dict[str, Any]:
        """As plain values for JSON; a number that is missing is null, with its reason beside it."""
        return {
            "seconds": round(self.seconds, 3),
            "measures": {measure.name: _plain(measure) for measure in self.measures},
            "warnings": [asdict(warning) for warning in self.warnings],
            "verdicts": [asdict(verdict) | {"text": verdict.text} for verdict in self.verdicts],
            "speech": [[round(span.start, 3), round(span.end, 3)] for span in self.speech.spans],
            "trim": [round(self.trim.start, 3), round(self.trim.end, 3)] if self.trim else None,
            "trim_reason": self.trim_reason,
        }


def _plain(measure: Measure) -> dict[str, Any]:
    known = measure.value is not None and math.isfinite(measure.value)
    value = round(measure.value, 4) if known and measure.value is not None else None
    return {"value": value, "unit": measure.unit, "missing": measure.missing}


def examine(audio: Audio, facts: SoundFacts | None = None, specs: Iterable[EngineSpec] = ()) -> Examination:
    """Measure a recording and judge it for the engines among `specs` that clone. About 0.5 s for 10 s of sound.

    facts: of the file it came from, when there is one.
    """
    speech = activity.activity(audio)
    measures = tuple(_measures(audio, speech))
    known = {measure.name: measure.value for measure in measures}
    warnings = tuple(doubts(known, speech, facts))
    trim, reason = suggested(audio, speech)
    used = _used(speech)
    verdicts = tuple(_verdict(spec, used, warnings) for spec in specs if spec.clones)
    return Examination(audio.seconds, measures, warnings, verdicts, speech, trim, reason)


def _measures(audio: Audio, speech: Activity) -> Iterable[Measure]:
    listened = _minute(audio, speech)
    heard = loudness.loudness(audio)
    found: list[tuple[str, str, float | Missing, str]] = [
        ("seconds", "Length", audio.seconds, "s"),
        ("speech_seconds", "Speech", speech.speech_seconds, "s"),
        ("speech_share", "Share of speech", 100 * speech.share, "%"),
        ("loudness", "Loudness", Missing("it is silent") if heard is None else heard, "LUFS"),
        ("peak", "True peak", loudness.true_peak_dbtp(audio), "dBTP"),
        ("clipped", "Clipped", 100 * level.clipped_share(audio), "% of samples"),
        ("crowded", "Peaks of one height (clipped from 50)", 100 * level.crowded_share(audio), "%"),
        ("noise", "Noise floor", noise.noise_dbfs(audio), "dBFS"),
        ("snr", "Speech over noise", noise.snr_db(audio, speech), "dB"),
        ("bandwidth", "Speech up to", noise.bandwidth_hz(audio, speech), "Hz"),
        ("pitch", "Median pitch", pitch.median_hz(audio), "Hz"),
        ("rate", "Speed", rate.syllables_per_second(audio, speech), "syllables a second"),
        ("decay", "Fades in (an echo from 0.34)", echo.decay_seconds(audio), "s"),
        ("sustained", "Sustained tones (music from 0.3)", music.sustained(audio), ""),
        ("parts_alike", "Likeness of its parts (two people under 0.68)", company.parts_alike(*listened), ""),
        ("semitones_apart", "Its parts apart (two people over 6.5)", company.semitones_apart(*listened), "semitones"),
        ("overlapped", "With a second voice under it (two people over 2)", overlap.percent(listened[0]), "%"),
    ]
    for name, title, value, unit in found:
        if isinstance(value, Missing):
            yield Measure(name, title, None, unit, value.reason + (f". {value.remedy}" if value.remedy else ""))
        else:
            yield Measure(name, title, value, unit)


def _minute(audio: Audio, speech: Activity) -> tuple[Audio, Activity]:
    """The first minute, and where someone speaks in it."""
    if audio.seconds <= LISTENED_SECONDS:
        return audio, speech
    minute = _part(audio, Span(0.0, LISTENED_SECONDS))
    return minute, activity.activity(minute)


def _used(speech: Activity) -> float:
    """Seconds that are left when silence before and after the speech is cut off."""
    if not speech.spans:
        return 0.0
    return min(speech.seconds, speech.spans[-1].end + PAD_SECONDS) - max(0.0, speech.spans[0].start - PAD_SECONDS)


def _verdict(spec: EngineSpec, seconds: float, warnings: Iterable[Doubt]) -> Verdict:
    needs, spoilt = spec.reference, [warning for warning in warnings if warning.spoils]

    def verdict(grade: Grade, advice: str = "") -> Verdict:
        return Verdict(spec.id, spec.title, grade, seconds, advice)

    if not seconds or any(warning.code in ("silent", "no_speech") for warning in spoilt):
        return verdict("no", "there is no speech in it")
    if seconds > needs.most:
        return verdict("no", f"{seconds:.1f} s is too long, {needs.most:g} s at most; use the suggested trim")
    if seconds < needs.least:
        return verdict("no", f"{seconds:.1f} s is too short, {needs.least:g} s at least")
    if spoilt:
        return verdict("poor", _inside(spoilt[0].text))
    if seconds < needs.best_from:
        return verdict("fine", "longer would help")
    if marring := [warning for warning in warnings if warning.mars]:
        return verdict("fine", _inside(marring[0].text))
    if seconds > needs.best_to:
        return verdict("fine", f"{needs.best_from:g} to {needs.best_to:g} s would be better")
    return verdict("good")


def _inside(sentence: str) -> str:
    """A sentence as a part of another."""
    return sentence[0].lower() + sentence[1:].rstrip(".")


def suggested(audio: Audio, speech: Activity) -> tuple[Span | None, str]:
    """The best 5 to 10 s, cut in silences of the recording, and why there are none when there are none.

    Of some stretches with much speech the one with the least wrong with it; of equal ones that with the most speech. A
    recording that is shorter is only freed of silence around it.
    """
    if not speech.spans:
        return None, "nobody is heard to speak"
    whole = stretches.whole(speech)
    if whole.seconds <= BEST_TO:
        return whole, ""
    best, least = None, math.inf
    people = company.parties(*_minute(audio, speech))
    for stretch in stretches.most_spoken(speech, BEST_FROM, BEST_TO, TRIED):
        is_shared = all(_within(stretch, pieces) > SHARED_SECONDS for pieces in people)
        flaws = _flaws(_part(audio, stretch)) + 100 * is_shared
        if flaws < least:
            best, least = stretch, flaws
        if not flaws:
            break
    reason = "it has no pause where 5 to 10 s could be cut out; cut it by hand between two words"
    return best, "" if best else reason


def _within(stretch: Span, pieces: Iterable[Span]) -> float:
    """Seconds of pieces that lie in a stretch; where pieces overlap, more than it has."""
    return sum(max(0.0, min(stretch.end, piece.end) - max(stretch.start, piece.start)) for piece in pieces)


def _flaws(audio: Audio) -> int:
    """How much is wrong with a stretch: what spoils it counts most."""
    speech = activity.activity(audio)
    known = {measure.name: measure.value for measure in _measures(audio, speech)}
    return sum(100 if doubt.spoils else 10 if doubt.mars else 1 for doubt in doubts(known, speech, None))


@dataclass(frozen=True)
class Steps:
    """What is done to a recording; every step can be left out.

    cut: the stretch to keep, None for all. trim_silence: cut silence before and after the speech down to 0.1 s.
    most_hz: bring higher sample rates down to this, None to leave them. loudness_lufs: None to leave it.
    """

    cut: Span | None = None
    trim_silence: bool = True
    most_hz: int | None = 48000
    loudness_lufs: float | None = -20.0


@dataclass(frozen=True, eq=False)
class Prepared:
    """A sound to clone from. cut: the stretch of the original that it is. done: sentences about what was changed."""

    audio: Audio
    steps: Steps
    cut: Span
    done: tuple[str, ...]


def prepare(audio: Audio, steps: Steps | None = None) -> Prepared:
    """A recording made ready to clone from. The original stays as it is: other steps give another sound of it."""
    steps = steps or Steps()
    done: list[str] = []
    cut = Span(0.0, audio.seconds)
    if steps.cut:
        cut = Span(max(0.0, steps.cut.start), min(audio.seconds, steps.cut.end))
    sound = _part(audio, cut)
    spans = activity.activity(sound).spans if steps.trim_silence else ()
    if spans:
        start, end = spans[0].start - PAD_SECONDS, spans[-1].end + PAD_SECONDS
        cut = Span(cut.start + max(0.0, start), cut.start + min(sound.seconds, end))
        sound = _part(audio, cut)
    if audio.seconds - cut.seconds > 0.01:
        done.append(f"cut to {cut.start:.1f} to {cut.end:.1f} s")
    if steps.most_hz and sound.sample_rate > steps.most_hz:
        done.append(f"brought from {sound.sample_rate} to {steps.most_hz} samples a second")
        sound = sound.resampled(steps.most_hz)
    gain = _gain(sound, steps.loudness_lufs)
    if abs(level.dbfs(gain)) > 0.1:
        done.append(f"turned {'up' if gain > 1 else 'down'} by {abs(level.dbfs(gain)):.1f} dB")
        sound = sound.scaled(gain)
    return Prepared(sound, steps, cut, tuple(done))


def _part(audio: Audio, span: Span) -> Audio:
    rate = audio.sample_rate
    return Audio(audio.samples[round(span.start * rate) : round(span.end * rate)], rate)


def _gain(audio: Audio, target_lufs: float | None) -> float:
    """The gain to a loudness; less of it where its peaks would have to be cut."""
    if target_lufs is None:
        return 1.0
    gain = loudness.gain_to(target_lufs, loudness.loudness(audio))
    room = loudness.CEILING_DBTP - loudness.true_peak_dbtp(audio)
    return min(gain, 10 ** (room / 20)) if math.isfinite(room) else gain
