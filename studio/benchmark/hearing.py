"""Rows filled in: what the engine's sound and the finished sound of a run say. Knows metrics, no protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from studio import cues, loudness, soundfiles
from studio.audio import Audio, concatenate
from studio.benchmark.store import Row
from studio.errors import StudioError
from studio.hearing import Heard, Recogniser
from studio.metrics import Missing, dialogue, distillmos, level, mos, performing, turns, words
from studio.metrics.activity import Activity, Span, activity
from studio.runs import Run
from studio.takes import Take

Values = dict[str, float | Missing]
Figures = Mapping[str, float | Missing]


def split(figures: Figures) -> tuple[dict[str, float], dict[str, str]]:
    """What was measured and why the rest was not. A value that is no finite number counts as missing."""
    values, missing = {}, {}
    for name, value in figures.items():
        if isinstance(value, Missing):
            missing[name] = value.reason + (f". {value.remedy}" if value.remedy else "")
        elif np.isfinite(value):
            values[name] = round(float(value), 6)
        else:
            missing[name] = "the sound is silent"
    return values, missing


def spoken(run: Run, takes: Sequence[Take], sound: Audio, frame_rate: float) -> Values:
    """What is known as soon as a run is finished. sound: of the engine, all takes joined. frame_rate: of its codec."""
    seconds, work = sum(take.seconds for take in takes), sum(take.work_seconds for take in takes)
    kinds = [take.verdict.kind for take in takes]
    loud = loudness.loudness(sound)
    nothing = Missing("the sound has no length")
    no_frames = Missing("this engine makes its sound at once, not frame by frame")
    return {
        "rtf": work / seconds if seconds > 0 else nothing,
        "first_sound_s": takes[0].first_sound_seconds if takes else nothing,
        "seconds": run.seconds,
        "work_s": work,
        "tokens_per_s": (seconds * frame_rate / work if work > 0 else nothing) if frame_rate else no_frames,
        "loudness_lufs": Missing("the sound is silent") if loud is None else loud,
        "clipped_share": level.clipped_share(sound) if len(sound.samples) else nothing,
        "runaway_share": kinds.count("runaway") / len(kinds) if kinds else nothing,
        "hasty_share": kinds.count("hasty") / len(kinds) if kinds else nothing,
    }


def joined(takes: Sequence[Take]) -> Audio:
    """All takes of a run, one after the other, as the engine made them."""
    return concatenate([take.audio() for take in takes])


def judged(row: Row, run: Run, recogniser: Recogniser, references: Mapping[str, Audio]) -> Row:
    """The row with what its finished sound says. references: speaker -> recording that is to be followed.

    A judge that is not here, or fails, leaves its measures missing with the reason.
    """
    if run.output is None or not run.output.is_file():
        return replace(row, judged=True, missing={**row.missing, "wer": "the sound is no longer there"})
    sound = soundfiles.read(run.output)
    speech = activity(sound)
    by_ear, heard = _words(run, sound, recogniser)
    by_voice, voices = _voices(run, sound, references)
    figures: Values = {**_pauses(run, speech), **by_ear, **by_voice, **_rating(sound)}
    values, missing = split(figures)
    details = tuple(_turn(run, at, heard, voices) for at in range(len(run.timings)))
    return replace(row, judged=True, values={**row.values, **values}, missing={**row.missing, **missing}, turns=details)


def _pauses(run: Run, speech: Activity) -> Values:
    said = len(words.normal(" ".join(turn.text for turn in run.script.turns)))
    borders = [(one.end + two.start) / 2 for one, two in pairwise(run.timings)]
    gaps = dialogue.turn_gaps(speech, borders)
    no_gap = Missing("the script has one turn")
    return {
        "longest_silence_s": dialogue.longest_silence(speech),
        "gap_s": float(np.median(gaps)) if gaps else no_gap,
        "gap_most_s": max(gaps) if gaps else no_gap,
        "words_per_s": said / speech.speech_seconds if speech.speech_seconds else Missing("no speech was found"),
    }


BY_CUES = ("cues_aloud_share", "cues_realised_share")
BY_WORDS = ("wer", "wer_worst", "cer", "cut_share", *BY_CUES)


def _words(run: Run, sound: Audio, recogniser: Recogniser) -> tuple[Values, tuple[turns.TurnWords, ...]]:
    texts = [turn.text for turn in run.script.turns]
    text = " ".join(texts)
    no_cue = {} if cues.find(text) else dict.fromkeys(BY_CUES, Missing("the script has no cue"))
    if recogniser.obstacle:
        return {**dict.fromkeys(BY_WORDS, Missing(recogniser.obstacle.rstrip("."))), **no_cue}, ()
    try:
        heard = recogniser.hear(sound)
    except StudioError as error:
        return {**dict.fromkeys(BY_WORDS, Missing(error.message.rstrip("."), error.remedy)), **no_cue}, ()
    each = turns.per_turn(texts, heard.text)
    found: Values = {
        "wer": words.wer(text, heard.text),
        "wer_worst": max(turn.wer for turn in each),
        "cer": turns.cer(text, heard.text),
        "cut_share": sum(turn.is_cut for turn in each) / len(each),
        **(no_cue or _cues(text, sound, heard)),
    }
    return found, each


def _cues(text: str, sound: Audio, heard: Heard) -> Values:
    count, aloud = turns.cues_read_aloud(text, heard.text)
    unknown = Missing(f"{heard.model} does not measure when words sound", "Whisper does: make run METRICS=1")
    share = unknown if heard.estimated else performing.performed(text, sound, heard.words) / count
    return {"cues_aloud_share": aloud / count, "cues_realised_share": share}


BY_VOICE = ("similarity", "similarity_worst", "swap_share", "drift")


def _voices(run: Run, sound: Audio, references: Mapping[str, Audio]) -> tuple[Values, dialogue.VoiceOfTurns | None]:
    spans = [Span(one.start, one.end) for one in run.timings]
    found = dialogue.voices_of_turns(sound, spans, [one.speaker for one in run.timings], references)
    if isinstance(found, Missing):
        return dict.fromkeys(BY_VOICE, found), None
    alike, swapped = found.similarity, found.swapped
    return {
        "similarity": _of(alike, lambda values: float(np.mean(values))),
        "similarity_worst": _of(alike, min),
        "swap_share": _of(swapped, lambda values: float(np.mean(values))),
        "drift": found.drift,
    }, found


def _of(values: Sequence[float | None] | Missing, sum_up: Callable[[Sequence[float]], float]) -> float | Missing:
    if isinstance(values, Missing):
        return values
    return float(sum_up([value for value in values if value is not None]))


def _rating(sound: Audio) -> Values:
    found = mos.dnsmos(sound)
    both = (found, found) if isinstance(found, Missing) else (found.overall, found.p808)
    return {"mos": both[0], "mos_p808": both[1], "distillmos": distillmos.distillmos(sound)}


def _turn(run: Run, at: int, heard: Sequence[turns.TurnWords], voices: dialogue.VoiceOfTurns | None) -> dict[str, Any]:
    """What is known of one turn, as JSON; None for what is not."""
    timing = run.timings[at]
    alike = voices.similarity if voices else Missing("")
    swapped = voices.swapped if voices else Missing("")
    turn = timing.turn
    return {
        "turn": turn,
        "speaker": timing.speaker,
        "start": round(timing.start, 3),
        "end": round(timing.end, 3),
        "wer": round(heard[turn].wer, 4) if heard else None,
        "cut": heard[turn].is_cut if heard else None,
        "similarity": None if isinstance(alike, Missing) or alike[at] is None else round(alike[at] or 0.0, 4),
        "swapped": None if isinstance(swapped, Missing) else swapped[at],
    }
