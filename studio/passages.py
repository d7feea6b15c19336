"""Cutting a script into passages that an engine can hold. Knows specs, no engine by name, and makes no sound."""

from __future__ import annotations

from dataclasses import dataclass, replace

from studio import cues
from studio.engines.base import EngineSpec
from studio.engines.text import cut
from studio.errors import ScriptError
from studio.script import Script, Turn

# seconds between passages when the script names none: at a change of speaker, at none, within a turn
TURN_GAP, SAME_SPEAKER_GAP, SENTENCE_GAP = 0.35, 0.25, 0.15


@dataclass(frozen=True)
class Passage:
    """What one engine call renders. turns: indices into the script. script: its words as the engine is given them.

    pause_after: seconds of silence before the next passage.
    """

    turns: tuple[int, ...]
    script: Script
    pause_after: float


@dataclass(frozen=True)
class _Line:
    """A turn, or a piece of one that is too long, ready for an engine. gap: seconds after it."""

    turn: int
    speaker: str
    text: str
    gap: float
    exact: bool


def plan(script: Script, spec: EngineSpec) -> tuple[Passage, ...]:
    """The passages of a script for an engine: whole turns where they fit, cut at sentences where they do not.

    An exact pause always ends a passage, since only the assembler keeps time. Raises ScriptError when nothing is left
    to say.
    """
    passages: list[list[_Line]] = []
    for line in _lines(script, spec):
        if passages and _fits([*passages[-1], line], spec):
            passages[-1].append(line)
        else:
            passages.append([line])
    if not passages:
        raise ScriptError(
            f"There is nothing to say: {spec.title} does not perform the cues in it.", "Write some words."
        )
    return tuple(_passage(lines, spec) for lines in passages)


def spoken_seconds(script: Script, spec: EngineSpec) -> float:
    return sum(len(turn.text) for turn in script.turns) / spec.characters_per_second


def _lines(script: Script, spec: EngineSpec) -> list[_Line]:
    longest = min(spec.limits.characters, int(spec.limits.seconds * spec.characters_per_second))
    lines: list[_Line] = []
    for index, turn in enumerate(script.turns):
        text = cues.without(turn.text, spec.cues) if spec.unknown_cue == "dropped" else turn.text
        if not cues.has_words(text) and not cues.find(text):
            # only cues that this engine does not perform, as advice says while writing: its pause stays
            if lines and turn.pause_after is not None:
                lines[-1] = replace(lines[-1], gap=lines[-1].gap + turn.pause_after, exact=True)
            continue
        following = script.turns[index + 1 : index + 2]
        same = bool(following) and following[0].speaker == turn.speaker
        gap = turn.pause_after if turn.pause_after is not None else SAME_SPEAKER_GAP if same else TURN_GAP
        *heads, last = _cut(text, longest)
        lines += [_Line(index, turn.speaker, head, SENTENCE_GAP, exact=False) for head in heads]
        lines.append(_Line(index, turn.speaker, last, gap, exact=turn.pause_after is not None))
    return lines


def _cut(text: str, longest: int) -> list[str]:
    """The text in pieces that fit, as many whole sentences in each as go in."""
    if len(text) <= longest:
        return [text]
    pieces: list[str] = []
    for piece in cut(text, longest):
        if pieces and len(pieces[-1]) + 1 + len(piece.text) <= longest:
            pieces[-1] += " " + piece.text
        else:
            pieces.append(piece.text)
    return pieces


def _fits(lines: list[_Line], spec: EngineSpec) -> bool:
    """Whether one passage can hold these lines, the last of which is new."""
    limits = spec.limits
    characters = sum(len(line.text) for line in lines)
    return (
        not lines[-2].exact
        and len({line.turn for line in lines}) <= limits.turns
        and characters <= limits.characters
        and characters <= limits.seconds * spec.characters_per_second
        and (spec.max_speakers is None or len({line.speaker for line in lines}) <= spec.max_speakers)
    )


def _passage(lines: list[_Line], spec: EngineSpec) -> Passage:
    turns: list[Turn] = []
    for line in lines:
        if spec.limits.alternate and turns and turns[-1].speaker == line.speaker:
            turns[-1] = replace(turns[-1], text=f"{turns[-1].text} {line.text}")
        else:
            turns.append(Turn(line.speaker, line.text))
    return Passage(tuple(dict.fromkeys(line.turn for line in lines)), Script(tuple(turns)), lines[-1].gap)
