"""What a listener should know of a recording before it is cloned, told by its measures. Knows no engine, no samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from studio.metrics import company, music, overlap
from studio.metrics.activity import Activity
from studio.uploads import SoundFacts

LEAST_SPEECH_SECONDS = 3.0  # less gives a voice that wavers (similarity to the whole: 0.88 for 2 s, 0.94 for 5 s)
# Likeness of a reader to the own clean recording: 0.83 to 0.95 at 20 dB, 0.66 to 0.86 at 10 dB.
NOISY_DB, VERY_NOISY_DB = 20.5, 13.0
QUIET_LUFS = -40.0
# Of samples, and of peaks of one height. Likeness: 0.91 where 0.7 % are cut off, 0.81 at 4 %, 0.71 at 20 %.
CLIPPED, BADLY_CLIPPED = 0.0002, 0.015
CROWDED, BADLY_CROWDED = 0.5, 0.55
ECHO_SECONDS, LONG_ECHO_SECONDS = 0.335, 0.37
NARROW_HZ = 4500.0
SURE_MUSIC = 0.45  # an echo holds tones too, but fewer of them
LONG_PAUSE_SECONDS = 1.5


@dataclass(frozen=True)
class Doubt:
    """Something that a listener should know. code: for programs. spoils: a clone of this will be bad; mars: it will be
    worse than of a clean recording.
    """

    code: str
    text: str
    spoils: bool = False
    mars: bool = False


def doubts(known: dict[str, float | None], speech: Activity, facts: SoundFacts | None) -> Iterable[Doubt]:
    """What is wrong with a recording. known: its measures by name."""
    yield from _about_speech(known, speech)
    if speech.spans and not is_music(known):
        yield from _about_sound(known)
    if facts is not None:
        yield from (Doubt("file", note) for note in facts.notes)


def _about_speech(known: dict[str, float | None], speech: Activity) -> Iterable[Doubt]:
    if known["loudness"] is None:
        yield Doubt("silent", "It is silent. Was the microphone on?", spoils=True)
    elif not speech.spans:
        yield Doubt("no_speech", "Nobody is heard to speak in it.", spoils=True)
    elif speech.speech_seconds < LEAST_SPEECH_SECONDS:
        text = f"There is only {speech.speech_seconds:.1f} s of speech in it; 5 to 10 s make a voice."
        yield Doubt("short", text, spoils=speech.speech_seconds < 1)
    if is_music(known):
        yield Doubt("music", "It is music, or has music in it; the clone would sing along.", spoils=True)
    if are_at_once(known):
        yield Doubt("overlap", "Two people seem to speak at once in it. Cut out where one speaks alone.", spoils=True)
    elif are_two_voices(known) or are_two_pitches(known):
        yield Doubt("second_speaker", "Two people seem to speak in it. Cut out the one you want.", spoils=True)
    inner = [silence.seconds for silence in speech.silences if silence.start and silence.end < speech.seconds]
    if speech.spans and max(inner, default=0.0) > LONG_PAUSE_SECONDS:
        yield Doubt("pause", f"It has a pause of {max(inner):.1f} s; the clone may learn to pause.")


def _about_sound(known: dict[str, float | None]) -> Iterable[Doubt]:
    snr, loud, band = (known[name] for name in ("snr", "loudness", "bandwidth"))
    if snr is not None and snr < NOISY_DB:
        much = snr < VERY_NOISY_DB
        text = f"It is {'very ' if much else ''}noisy (speech {snr:.0f} dB over noise); the clone will be noisy too."
        yield Doubt("noise", text, spoils=much, mars=True)
    if is_clipped(known):
        text = "It was recorded too loud: the tops of its waves are cut off. Record it again, softer."
        clipped, crowded = _tops(known)
        yield Doubt("clipped", text, spoils=clipped > BADLY_CLIPPED or crowded > BADLY_CROWDED, mars=True)
    if is_echoing(known):
        text = "The room echoes; the clone will sound far away. Go nearer to the microphone, or into a furnished room."
        yield Doubt("echo", text, spoils=(known["decay"] or 0) > LONG_ECHO_SECONDS, mars=True)
    if loud is not None and loud < QUIET_LUFS:
        yield Doubt("quiet", f"It is very quiet ({loud:.0f} LUFS). Go nearer to the microphone.")
    if band is not None and band < NARROW_HZ:
        text = f"It sounds like a telephone: nothing above {band:.0f} Hz. So will the clone."
        yield Doubt("narrow", text, mars=True)


def is_clipped(known: dict[str, float | None]) -> bool:
    """Tops are cut off, or were before a lossy codec rounded them."""
    clipped, crowded = _tops(known)
    return clipped > CLIPPED or crowded > CROWDED


def _tops(known: dict[str, float | None]) -> tuple[float, float]:
    """Share of samples on flat tops, and of peaks of one height."""
    return (known["clipped"] or 0) / 100, (known["crowded"] or 0) / 100


def is_echoing(known: dict[str, float | None]) -> bool:
    """It fades slowly, and there is speech enough, over little enough noise, to tell."""
    snr, spoken = known["snr"], known["speech_seconds"] or 0
    return _echoes(known) and spoken >= LEAST_SPEECH_SECONDS and (snr is None or snr >= VERY_NOISY_DB)


def is_music(known: dict[str, float | None]) -> bool:
    """Tones that are held, and not by the echo of a room alone."""
    return (known["sustained"] or 0) >= (SURE_MUSIC if _echoes(known) else music.MUSIC)


def are_two_voices(known: dict[str, float | None]) -> bool:
    """Its parts are so unlike that two people take turns in it."""
    alike = known["parts_alike"]
    return alike is not None and alike < (company.ALIKE_IN_ECHO if _echoes(known) else company.ALIKE)


def are_two_pitches(known: dict[str, float | None]) -> bool:
    """Its parts are so far apart in pitch that two people take turns in it. A tune is no sign of that; nor is a
    telephone, which takes the fundamental away so that the pitch jumps by octaves, where the voices can be compared.
    """
    narrow = known["bandwidth"] is not None and known["bandwidth"] < NARROW_HZ
    is_telling = not is_music(known) and (not narrow or known["parts_alike"] is None)
    return is_telling and (known["semitones_apart"] or 0) > company.SEMITONES_APART


def are_at_once(known: dict[str, float | None]) -> bool:
    """Two voices at once that are no tune."""
    return (known["overlapped"] or 0) > overlap.AT_ONCE and not is_music(known)


def _echoes(known: dict[str, float | None]) -> bool:
    return (known["decay"] or 0) > ECHO_SECONDS
