"""Cutting a script into passages an engine can hold, and speaking them in order. Knows specs, no engine by name."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import cast

from studio import cues
from studio.assembly import Part, assemble
from studio.audio import Audio, silence
from studio.engines.base import Engine, EngineSpec
from studio.engines.text import cut
from studio.errors import OutOfMemory, ScriptError, StudioError, SynthesisError
from studio.events import Assembling, Event, Finished, Loading, Planned, Sound, Speaking, Spoke
from studio.gpu import is_out_of_memory
from studio.manager import ModelManager
from studio.request import SpeechRequest, Spoken
from studio.script import Script, Turn
from studio.takes import Run, RunStore, Take, TakeStore, TurnTiming, recipe

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


def _spoken_seconds(script: Script, spec: EngineSpec) -> float:
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


class Director:
    """Speaks a request passage by passage and keeps every take."""

    def __init__(self, manager: ModelManager, takes: TakeStore, runs: RunStore) -> None:
        self._manager = manager
        self._takes = takes
        self._runs = runs

    def perform(self, spec: EngineSpec, request: SpeechRequest, fresh: bool = False) -> Iterator[Event]:
        """Speak the script, telling what happens. A passage spoken before by the same recipe is not made again,
        unless `fresh`. Closing the iterator stops the engine and keeps the takes that are whole.

        Raises StudioError; the run then says why it failed and what it has.
        """
        passages = plan(request.script, spec)
        run = self._runs.start(spec, self._manager.placement.device, request, len(passages))
        yield Planned(run, tuple(passage.turns for passage in passages))
        try:
            for event in self._speak(run, spec, passages, request, fresh):
                if isinstance(event, Spoke):
                    self._runs.add_take(run.id, event.take.id)
                elif isinstance(event, Finished):
                    run = event.run
                yield event
        except StudioError as error:
            run = self._runs.save(replace(run, state="failed", error=str(error)))
            raise
        finally:
            if run.state == "unfinished":
                self._runs.save(replace(run, state="stopped"))

    def _speak(
        self, run: Run, spec: EngineSpec, passages: tuple[Passage, ...], request: SpeechRequest, fresh: bool
    ) -> Iterator[Event]:
        spoken: list[Take] = []
        with ExitStack() as stack:
            engine: Engine | None = None
            for index, passage in enumerate(passages):
                yield Speaking(index, passage.turns)
                wanted = _for_passage(passage, request, _context(passages[: index + 1], spoken, request, spec))
                made = recipe(spec, self._manager.placement.device, wanted)
                take = None if fresh else self._takes.find(made)
                reused = take is not None
                if take is None:
                    if engine is None:
                        if not self._manager.is_loaded(spec.id):
                            yield Loading(spec.id)
                        engine = stack.enter_context(self._manager.lend(spec.id))
                    take = yield from self._take(index, passage, engine, wanted)
                else:
                    yield Sound(index, passage.turns[0], take.audio())
                if index + 1 < len(passages):
                    yield Sound(index, passage.turns[-1], silence(passage.pause_after, spec.sample_rate))
                spoken.append(take)
                yield Spoke(index, take, reused)
        yield Assembling()
        yield Finished(self._finish(run, passages, spoken, request.script))

    def _take(
        self, index: int, passage: Passage, engine: Engine, request: SpeechRequest
    ) -> Generator[Event, None, Take]:
        """One passage spoken and kept. When memory runs out the other engines are unloaded and it is tried once more.

        The one boundary to models' code: whatever it raises becomes a StudioError.
        """
        spec = engine.spec
        for last_try in (False, True):
            pieces = self._takes.record(
                recipe(spec, self._manager.placement.device, request),
                _spoken_seconds(passage.script, spec),
                spec,
                engine.synthesize(request),
            )
            try:
                return (yield from _sounds(index, passage.turns[0], pieces))
            except StudioError:
                raise
            except Exception as error:
                if not is_out_of_memory(error):
                    raise SynthesisError(
                        f"{spec.title} failed: {error or type(error).__name__}.", "Try again, or another engine."
                    ) from error
                if last_try:
                    remedy = "Write shorter turns, choose a smaller engine, or set STUDIO_DEVICE=cpu."
                    raise OutOfMemory(f"{spec.title} ran out of memory.", remedy) from error
            self._manager.unload_others(spec.id)
        raise AssertionError("the last try returns or raises")

    def _finish(self, run: Run, passages: tuple[Passage, ...], takes: list[Take], script: Script) -> Run:
        last = len(passages) - 1
        parts = [
            Part(take, passage.script.speakers, _closing(script) if index == last else passage.pause_after)
            for index, (take, passage) in enumerate(zip(takes, passages, strict=True))
        ]
        path = self._runs.path(run.id) / "dialogue.wav"
        unspoken = script.turns[: passages[0].turns[0]]
        result = assemble(parts, script.lead_in + sum(turn.pause_after or 0.0 for turn in unspoken), path)
        return self._runs.save(
            replace(
                run,
                state="finished",
                takes=tuple(take.id for take in takes),
                output=path,
                seconds=result.seconds,
                work_seconds=round(sum(take.work_seconds for take in takes), 3),
                loudness_lufs=result.loudness_lufs,
                timings=_timings(passages, result.spans, script),
                notes=tuple(take.verdict.note for take in takes if take.verdict.note),
            )
        )


def _closing(script: Script) -> float:
    """The pause after the last turn: only what the script asks for."""
    return script.turns[-1].pause_after or 0.0


def _context(
    passages: Sequence[Passage], takes: Sequence[Take], request: SpeechRequest, spec: EngineSpec
) -> tuple[Spoken, ...]:
    """What was spoken before the last of these passages, as the engine needs it to go on in the same voices.

    The newest passages and, for each speaker to come, the first one: it holds the voice, however long ago it was.
    """
    *past, upcoming = passages
    speakers = upcoming.script.speakers
    has_references = all(request.voices[speaker].audio for speaker in speakers)
    if not spec.context_passages or (has_references and not spec.context_with_references):
        return ()
    kept = set(range(max(0, len(past) - spec.context_passages), len(past)))
    for speaker in speakers:
        kept |= set([at for at, passage in enumerate(past) if speaker in passage.script.speakers][:1])
    return tuple(Spoken(past[at].script, takes[at].audio()) for at in sorted(kept))


def _for_passage(passage: Passage, request: SpeechRequest, context: tuple[Spoken, ...]) -> SpeechRequest:
    """The part of a request that one engine call gets: the passage, the voices in it and in its context."""
    speakers = {*passage.script.speakers, *(speaker for spoken in context for speaker in spoken.script.speakers)}
    voices = {speaker: voice for speaker, voice in request.voices.items() if speaker in speakers}
    return replace(request, script=passage.script, voices=voices, context=context)


def _sounds(passage: int, turn: int, pieces: Generator[Audio, None, Take]) -> Generator[Event, None, Take]:
    """Hand a take's pieces on as events; gives back the take."""
    with closing(pieces):
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                return cast(Take, end.value)
            yield Sound(passage, turn, piece)


def _timings(
    passages: tuple[Passage, ...], spans: tuple[tuple[float, float], ...], script: Script
) -> tuple[TurnTiming, ...]:
    """When each turn sounds. Turns that share a passage share its time by their length, an estimate."""
    times: dict[int, tuple[float, float]] = {}
    for passage, (start, end) in zip(passages, spans, strict=True):
        weights = {turn: len(script.turns[turn].text) for turn in passage.turns}
        at = start
        for turn, weight in weights.items():
            until = at + (end - start) * weight / sum(weights.values())
            times[turn] = (times.get(turn, (at, until))[0], until)
            at = until
    return tuple(TurnTiming(turn, script.turns[turn].speaker, *time) for turn, time in sorted(times.items()))
