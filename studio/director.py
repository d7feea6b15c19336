"""Speaking a script passage by passage, keeping every take, and joining them. Knows specs, no engine by name."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import groupby
from typing import cast

from studio import fitting, watermark
from studio.assembly import Assembled, Part, assemble
from studio.audio import Audio, silence
from studio.casting import remarks
from studio.engines.base import Engine, EngineSpec
from studio.errors import OutOfMemory, StudioError, SynthesisError
from studio.events import Assembling, Event, Finished, Loading, Planned, Sound, Speaking, Spoke
from studio.gpu import is_out_of_memory
from studio.label import Label
from studio.manager import ModelManager
from studio.passages import Passage, plan, spoken_seconds
from studio.request import SpeechRequest, Spoken
from studio.runs import Run, RunStore, TurnTiming, WordTiming
from studio.script import Script
from studio.takes import Take, TakeStore, recipe

Recording = Generator[Audio, None, Take]  # what is handed on while a take is recorded
Taking = Generator[Event, None, Take]  # what is told of it
SHORT_CHARACTERS = 100  # a shorter passage would not make a difference


class Director:
    """Speaks a request passage by passage and keeps every take."""

    def __init__(self, manager: ModelManager, takes: TakeStore, runs: RunStore, watermark: bool = True) -> None:
        self._manager = manager
        self._watermark = watermark
        self._takes = takes
        self._runs = runs

    def perform(self, spec: EngineSpec, request: SpeechRequest, fresh: bool = False) -> Iterator[Event]:
        """Speak the script, telling what happens. A passage spoken before by the same recipe is not made again,
        unless `fresh`. Closing the iterator stops the engine and keeps the takes that are whole.

        Raises StudioError; the run then says why it failed and what it has.
        """
        passages = plan(request.script, spec)
        notes = remarks(spec, request)
        device = self._manager.placement_in(request.precision).name
        run = self._runs.start(spec, device, request, len(passages), notes)
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

    def utter(self, spec: EngineSpec, request: SpeechRequest) -> Iterator[Event]:
        """As `perform`, for a caller who keeps the sound: it ends before a file is put together, and what was written
        on the way is removed: the run, and the takes that were not there before.
        """
        yield from self.forgetting(self.perform(spec, request))

    def forgetting(self, performance: Iterator[Event]) -> Iterator[Event]:
        """What a performance tells until its file would be put together; then nothing of it is left."""
        run, made = "", list[str]()
        try:
            with closing(performance) as events:  # type: ignore[type-var]  # it is a generator
                for event in events:
                    if isinstance(event, Planned):
                        run = event.run.id
                        self._runs.note_passing(run)
                    elif isinstance(event, Spoke) and not event.reused:
                        made.append(event.take.id)
                        self._runs.note_passing(run, event.take.id)
                    elif isinstance(event, Assembling):
                        return
                    yield event
        finally:
            if run:
                self._runs.delete(run)
            for take in made:
                self._takes.delete(take)

    def _speak(
        self, run: Run, spec: EngineSpec, passages: tuple[Passage, ...], request: SpeechRequest, fresh: bool
    ) -> Iterator[Event]:
        spoken: list[Take] = []
        with ExitStack() as stack:
            engine: Engine | None = None
            for index, passage in enumerate(passages):
                yield Speaking(index, passage.turns)
                wanted = _for_passage(passage, request, context_of(passages[: index + 1], spoken, request, spec), spec)
                made = recipe(spec, run.provenance["device"], wanted)
                take = None if fresh else self._takes.find(made)
                reused = take is not None
                if take is None:
                    if engine is None:
                        if not self._manager.is_loaded(spec.id, request.precision):
                            yield Loading(spec.id)
                        engine = stack.enter_context(self._manager.lend(spec.id, request.precision))
                    take = yield from self.take(index, passage, engine, wanted)
                else:
                    yield Sound(index, passage.turns[0], take.audio())
                if index + 1 < len(passages):
                    yield Sound(index, passage.turns[-1], silence(passage.pause_after, spec.sample_rate))
                spoken.append(take)
                yield Spoke(index, take, reused)
        yield Assembling()
        yield Finished((yield from self.finish(run, passages, spoken, request.script)))

    def take(self, index: int, passage: Passage, engine: Engine, request: SpeechRequest) -> Taking:
        """One passage spoken and kept."""
        made = recipe(engine.spec, self._manager.placement_in(request.precision).name, request)
        expected = spoken_seconds(passage.script, engine.spec)

        def record() -> Recording:
            return self._takes.record(made, expected, engine.spec, engine.synthesize(request), request.voices)

        return (yield from self.kept((index, passage.turns[0]), engine.spec, request, record))

    def kept(
        self, at: tuple[int, int], spec: EngineSpec, request: SpeechRequest, record: Callable[[], Recording]
    ) -> Taking:
        """The sound of what is being recorded, and the take. at: the numbers of the passage and of its first turn.

        When memory runs out the other engines are unloaded and it is tried once more. The one boundary to models'
        code: whatever it raises becomes a StudioError.
        """
        for last_try in (False, True):
            try:
                return (yield from _sounds(*at, record()))
            except StudioError:
                raise
            except Exception as error:
                if not is_out_of_memory(error):
                    raise SynthesisError(
                        f"{spec.title} failed: {error or type(error).__name__}.", "Try again, or another engine."
                    ) from error
                if last_try:
                    raise OutOfMemory(f"{spec.title} ran out of memory.", self._remedy(spec, request)) from error
            self._manager.unload_others(spec.id)
        raise AssertionError("the last try returns or raises")

    def _remedy(self, spec: EngineSpec, request: SpeechRequest) -> str:
        """What would fit, after all memory that can be had did not suffice."""
        placement = self._manager.placement_in(request.precision)
        shorter = "Write shorter turns." if request.script.characters > SHORT_CHARACTERS else ""
        cpu = "Or set STUDIO_DEVICE=cpu: slower, in the memory of the computer." if placement.device != "cpu" else ""
        fits = fitting.others(spec, self._manager.budget_gb(), placement)
        return " ".join(filter(None, (shorter, fits, cpu))) or "Close other programs."

    def finish(
        self, run: Run, passages: Sequence[Passage], takes: Sequence[Take], script: Script
    ) -> Generator[Assembling, None, Run]:
        """The takes joined to the run's file and marked as made by a machine, and the run as it then is. Raises
        OutputError.
        """
        last = len(passages) - 1
        parts = [
            Part(take, passage.script.speakers, _closing(script) if index == last else passage.pause_after)
            for index, (take, passage) in enumerate(zip(takes, passages, strict=True))
        ]
        marker = watermark.marker(self._watermark)
        run = replace(run, provenance={**run.provenance, "watermark": marker.state})
        path = self._runs.path(run.id) / "dialogue.wav"
        unspoken = script.turns[: passages[0].turns[0]]
        lead_in = script.lead_in + sum(turn.pause_after or 0.0 for turn in unspoken)
        result = yield from _joining(assemble(parts, lead_in, path, marker, Label.of(run).tags()))
        notes = (*run.notes, *(take.verdict.note for take in takes), marker.note)
        return self._runs.save(
            replace(
                run,
                state="finished",
                takes=tuple(take.id for take in takes),
                output=path,
                seconds=result.seconds,
                work_seconds=round(sum(take.work_seconds for take in takes), 3),
                loudness_lufs=result.loudness_lufs,
                timings=_timings(passages, takes, result, script),
                words=_words(passages, takes, result, script),
                notes=tuple(note for note in notes if note),
            )
        )


def _joining(shares: Generator[float, None, Assembled]) -> Generator[Assembling, None, Assembled]:
    """Hand on how far the file is; gives back what was written."""
    with closing(shares):
        while True:
            try:
                yield Assembling(next(shares))
            except StopIteration as end:
                return cast(Assembled, end.value)


def _closing(script: Script) -> float:
    """The pause after the last turn: only what the script asks for."""
    return script.turns[-1].pause_after or 0.0


def context_of(
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


def _for_passage(
    passage: Passage, request: SpeechRequest, context: tuple[Spoken, ...], spec: EngineSpec
) -> SpeechRequest:
    """The part of a request that one engine call gets: the passage, the voices in it and in its context; of an engine
    that hears all voices, every recorded one.
    """
    speakers = {*passage.script.speakers, *(speaker for spoken in context for speaker in spoken.script.speakers)}
    if spec.hears_all_voices:
        speakers |= {speaker for speaker, voice in request.voices.items() if voice.audio}
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
    passages: Sequence[Passage], takes: Sequence[Take], result: Assembled, script: Script
) -> tuple[TurnTiming, ...]:
    """When each turn sounds. Turns of one passage begin with their first words, where the engine knows these times;
    else they share its time by their length, an estimate.
    """
    times: dict[int, tuple[float, float]] = {}
    for passage, take, (start, end), cut in zip(passages, takes, result.spans, result.cuts, strict=True):
        starts = _starts_by_words(passage, take, start - cut) or _starts_by_length(passage, script, start, end)
        for turn, begins, ends in zip(passage.turns, [start, *starts[1:]], [*starts[1:], end], strict=True):
            times[turn] = (times.get(turn, (begins, ends))[0], ends)
    return tuple(TurnTiming(turn, script.turns[turn].speaker, *time) for turn, time in sorted(times.items()))


def _words(
    passages: Sequence[Passage], takes: Sequence[Take], result: Assembled, script: Script
) -> tuple[WordTiming, ...]:
    """When each word sounds, where the engine knows."""
    found: list[WordTiming] = []
    for passage, take, (start, _), cut in zip(passages, takes, result.spans, result.cuts, strict=True):
        turns = _turns_as_spoken(passage, script)
        for word in take.words:
            at = max(0.0, start - cut + word.start)
            found.append(WordTiming(turns[min(word.turn, len(turns) - 1)], word.word, round(at, 3)))
    return tuple(found)


def _turns_as_spoken(passage: Passage, script: Script) -> list[int]:
    """The turn behind each turn that the engine was given: a speaker's neighbours may have been merged for it."""
    if len(passage.turns) == len(passage.script.turns):
        return list(passage.turns)
    return [next(turns) for _, turns in groupby(passage.turns, lambda turn: script.turns[turn].speaker)]


def _starts_by_words(passage: Passage, take: Take, origin: float) -> list[float]:
    """Where each turn's first word sounds; nothing when a turn has none, or turns were merged for the engine."""
    first: dict[int, float] = {}
    for word in take.words:
        first.setdefault(word.turn, origin + word.start)
    whole = len(passage.turns) == len(passage.script.turns) == len(first)
    return [first[turn] for turn in sorted(first)] if whole else []


def _starts_by_length(passage: Passage, script: Script, start: float, end: float) -> list[float]:
    weights = [len(script.turns[turn].text) for turn in passage.turns]
    return [start + (end - start) * sum(weights[:at]) / sum(weights) for at in range(len(weights))]
