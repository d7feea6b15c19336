"""Speaking a script while it is being written: passages begin before they are whole. Knows specs, no engine by name.

An engine that hears text is given each word as it comes. Any other speaks what is whole: the sentences that have been
written by the time it is free. Either way the result is a run like every other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from textwrap import wrap
from typing import cast
from uuid import uuid4

from studio import cues
from studio.audio import silence
from studio.casting import remarks
from studio.dictation import Dictation, Minutes, Words
from studio.director import Director, Recording, context_of
from studio.engines.base import Engine, EngineSpec, LiveEngine, Speech
from studio.engines.text import sentences
from studio.errors import ScriptError, StudioError
from studio.events import Assembling, Event, Finished, Listening, Loading, Planned, Sound, Speaking, Spoke
from studio.manager import ModelManager
from studio.passages import SAME_SPEAKER_GAP, SENTENCE_GAP, TURN_GAP, Passage, plan, spoken_seconds
from studio.request import SpeechRequest
from studio.runs import Run, RunStore
from studio.script import Script, Turn
from studio.takes import Take, TakeStore, recipe

WAIT_SECONDS = 0.05  # for words, before somebody may stop it
BREATHS = 40  # such waits after a sentence end the passage: an engine holds the last words back until it is over
ENOUGH = 0.8  # of what an engine holds: from there on a passage ends with the next sentence
CUT_OFF = "Nothing more was written for a long time: the text was taken to be over."


@dataclass
class Heard:
    """What has been written and not been spoken yet: words with the number of the turn they belong to.

    most: characters that the engine holds.
    """

    talk: Dictation
    most: int
    minutes: Minutes = field(default_factory=Minutes)
    words: list[tuple[int, Words]] = field(default_factory=list)

    def read(self, wait_seconds: float = 0.0) -> None:
        """Take in what has become whole, a sentence each, or less than one where the engine does not hold it."""
        for words in self.talk.read(wait_seconds):
            turn = self.minutes.add(words)
            parts = [part for sentence in sentences(words.text) for part in wrap(sentence, self.most)]
            *heads, last = parts or [""]
            self.words += [(turn, Words(words.speaker, head)) for head in heads]
            self.words.append((turn, replace(words, text=last)))

    @property
    def is_over(self) -> bool:
        return self.talk.is_over and not self.words

    def whole(self) -> dict[int, Turn]:
        """Take out the sentences that have been written to their end, by turn; of a very long one what there is."""
        count = len(self.words)
        if not self.talk.is_over and sum(len(words.text) for _, words in self.words) < self.most:
            while count and not self._ends(count - 1):
                count -= 1
        turns: dict[int, Turn] = {}
        for turn, words in self.words[:count]:
            if words.text:
                before = f"{turns[turn].text} " if turn in turns else ""
                turns[turn] = Turn(words.speaker, before + words.text)
        del self.words[:count]
        return turns

    def _ends(self, at: int) -> bool:
        """Whether these words are the end of a sentence, because they look so and something follows, or of a turn."""
        turn, words = self.words[at]
        follows = len(self.words) > at + 1
        is_turn = words.pause_after is not None or (follows and self.words[at + 1][0] != turn)
        return is_turn or ends_sentence(words.text)

    def gap(self, before: Passage, following: int) -> float:
        """Seconds between a passage and the turn that is spoken next."""
        last = before.turns[-1]
        if following == last:
            return SENTENCE_GAP
        said = self.minutes.turns[last]
        if said.pause_after is not None:
            return said.pause_after
        return SAME_SPEAKER_GAP if self.minutes.turns[following].speaker == said.speaker else TURN_GAP


class Feed:
    """The words of one passage while they come, for an engine that hears text: turns, and None for nothing yet.

    It ends with the text, at an exact pause, and at a sentence when the engine holds no more or nothing follows for a
    while. Iterated again it begins with what it gave before. owners: the turn of `script` for each of what it gave.
    """

    def __init__(self, heard: Heard, spec: EngineSpec) -> None:
        self._heard, self._spec = heard, spec
        self._given: list[tuple[int, Words]] = []
        self._waits = 0
        self.owners: list[int] = []

    def __iter__(self) -> Iterator[Turn | None]:
        self.owners.clear()
        known = self.turns
        for turn, words in self._given:
            self.owners.append(known.index(turn))
            yield Turn(words.speaker, words.text)
        while not self._is_over():
            if self._heard.words:
                turn, words = self._heard.words.pop(0)
                self._given.append((turn, words))
                self._waits = 0
                self.owners.append(self.turns.index(turn))
                yield Turn(words.speaker, words.text)
            else:
                self._heard.read(WAIT_SECONDS)
                self._waits += 1
                self.owners.append(max(0, len(self.turns) - 1))
                yield None

    def _is_over(self) -> bool:
        """Whether the passage ends here; words that are none, and pauses, are taken away."""
        heard = self._heard
        while heard.words and not self._speakable(heard.words[0][1]):
            is_pause = heard.words.pop(0)[1].pause_after is not None
            if is_pause and self._given:
                return True
        if not self._given:
            return heard.is_over
        last = self._given[-1][1]
        if last.pause_after is not None or heard.is_over:
            return True
        if not heard.words:
            return self._waits >= BREATHS and ends_sentence(last.text)
        count = sum(len(words.text) for _, words in self._given)
        turn, following = heard.words[0]
        is_end = ends_sentence(last.text) or turn != self._given[-1][0]
        return count + len(following.text) > heard.most or (count > ENOUGH * heard.most and is_end)

    def _speakable(self, words: Words) -> bool:
        return cues.has_words(words.text) or bool(cues.find(words.text, self._spec.cues))

    @property
    def turns(self) -> tuple[int, ...]:
        """The turns that the passage renders, by their numbers in the whole script."""
        return tuple(dict.fromkeys(turn for turn, _ in self._given))

    @property
    def script(self) -> Script:
        """What was given so far."""
        minutes = Minutes()
        for _, words in self._given:
            minutes.add(words)
        return minutes.script


@dataclass
class _Stage:
    """What has been spoken so far, and what stays the same."""

    request: SpeechRequest
    device: str
    passages: list[Passage] = field(default_factory=list)
    takes: list[Take] = field(default_factory=list)

    @property
    def number(self) -> int:
        """Of the passage that is being spoken."""
        return len(self.passages) - 1

    def enter(self, passage: Passage, spec: EngineSpec, heard: Heard) -> Iterator[Event]:
        """A passage begins, after the pause behind the one before."""
        if self.passages:
            gap = heard.gap(self.passages[-1], passage.turns[0])
            self.passages[-1] = replace(self.passages[-1], pause_after=gap)
            yield Sound(self.number, self.passages[-1].turns[-1], silence(gap, spec.sample_rate))
        self.passages.append(passage)
        yield Speaking(self.number, passage.turns)

    def request_for(self, spec: EngineSpec) -> SpeechRequest:
        """What the engine is asked for the passage."""
        script = self.passages[-1].script
        wanted = replace(self.request, script=script)
        return replace(wanted, context=context_of(self.passages, self.takes, wanted, spec))

    def done(self, take: Take) -> Iterator[Event]:
        """The passage is spoken."""
        self.takes.append(take)
        yield Spoke(self.number, take, reused=False)


class LiveDirector:
    """Speaks a dictation passage by passage and keeps every take."""

    def __init__(self, director: Director, manager: ModelManager, takes: TakeStore, runs: RunStore) -> None:
        self._director, self._manager, self._takes, self._runs = director, manager, takes, runs

    def perform(self, spec: EngineSpec, talk: Dictation, request: SpeechRequest) -> Iterator[Event]:
        """Speak what is written until it ends, telling what happens; Listening while there is nothing to say.

        request: everything but the script. Closing the iterator keeps the takes that are whole. Raises StudioError.
        """
        heard = Heard(talk, min(spec.limits.characters, int(spec.limits.seconds * spec.characters_per_second)))
        with ExitStack() as stack:
            if not self._manager.is_loaded(spec.id, request.precision):
                yield Loading(spec.id)  # while the first words are still being written
            engine = stack.enter_context(self._manager.lend(spec.id, request.precision))
            while not heard.minutes.turns:
                if heard.is_over:
                    raise ScriptError("There is nothing to say.", "Write some words.")
                heard.read(WAIT_SECONDS)
                yield Listening()
            yield from self._run(engine, heard, replace(request, script=heard.minutes.script))

    def _run(self, engine: Engine, heard: Heard, request: SpeechRequest) -> Iterator[Event]:
        """All of it, as a run that is on disk from its first word on."""
        device = self._manager.placement_in(request.precision).name
        run = self._runs.start(engine.spec, device, request, 0, remarks(engine.spec, request))
        yield Planned(run, ())
        try:
            for event in self._speak(run, engine, heard, request):
                if isinstance(event, Spoke):
                    self._runs.add_take(run.id, event.take.id)
                    run = self._runs.save(replace(run, script=heard.minutes.script, passages=event.passage + 1))
                elif isinstance(event, Finished):
                    run = event.run
                yield event
        except StudioError as error:
            run = self._runs.save(replace(run, script=heard.minutes.script, state="failed", error=str(error)))
            raise
        finally:
            if run.state == "unfinished":
                self._runs.save(replace(run, script=heard.minutes.script, state="stopped"))

    def _speak(self, run: Run, engine: Engine, heard: Heard, request: SpeechRequest) -> Iterator[Event]:
        stage = _Stage(request, run.provenance["device"])
        speak = self._word_by_word if engine.spec.hears_text else self._by_sentences
        while not heard.is_over:
            yield from speak(engine, heard, stage)
        if not stage.takes:
            raise ScriptError(f"{engine.spec.title} does not perform the cues in it.", "Write some words.")
        yield Assembling()
        script = heard.minutes.script
        notes = (*run.notes, CUT_OFF) if heard.talk.is_cut_off else run.notes
        run = replace(run, script=script, passages=len(stage.passages), notes=notes)
        yield Finished((yield from self._director.finish(run, stage.passages, stage.takes, script)))

    def _by_sentences(self, engine: Engine, heard: Heard, stage: _Stage) -> Iterator[Event]:
        """Speak all whole sentences that are there, or wait a moment for the end of one."""
        turns = heard.whole()
        try:
            planned = plan(Script(tuple(turns.values())), engine.spec) if turns else ()
        except ScriptError:  # nothing but cues that the engine does not perform
            planned = ()
        if not planned:
            heard.read(WAIT_SECONDS)
            yield Listening()
        numbers = list(turns)
        for found in planned:
            passage = replace(found, turns=tuple(numbers[turn] for turn in found.turns))
            yield from stage.enter(passage, engine.spec, heard)
            wanted = stage.request_for(engine.spec)
            yield from stage.done((yield from self._director.take(stage.number, passage, engine, wanted)))

    def _word_by_word(self, engine: Engine, heard: Heard, stage: _Stage) -> Iterator[Event]:
        """Speak one passage from its first words on, while it is being written."""
        spec, feed = engine.spec, Feed(heard, engine.spec)
        while not heard.words and not heard.is_over:
            heard.read(WAIT_SECONDS)
            yield Listening()
        if heard.is_over:
            return
        first, words = heard.words[0]
        if not words.text:  # a pause
            del heard.words[0]
            return
        opening = Passage((first,), Script((Turn(words.speaker, words.text),)), 0.0)
        yield from stage.enter(opening, spec, heard)
        wanted = stage.request_for(spec)
        live = cast(LiveEngine, engine)

        def record() -> Recording:
            speech = _numbered(live.stream(feed, wanted), feed)
            return self._takes.record({"live": uuid4().hex}, 0.0, spec, speech, wanted.voices)

        take = yield from self._director.kept((stage.number, first), spec, wanted, record)
        script = feed.script
        stage.passages[-1] = Passage(feed.turns, script, 0.0)
        made = recipe(spec, stage.device, replace(wanted, script=script)) | {"live": list(heard.talk.cast)}
        yield from stage.done(self._takes.settle(take, made, spoken_seconds(script, spec)))


def ends_sentence(text: str) -> bool:
    """Whether a sentence ends with this text, whatever follows: "Hello." does, "Dr." does not."""
    return len(list(sentences(f"{text} Then"))) > len(list(sentences(text)))


def _numbered(speech: Speech, feed: Feed) -> Speech:
    """The speech with its words' turns counted as the passage counts them."""
    words = yield from speech
    return words and tuple(replace(word, turn=feed.owners[word.turn]) for word in words)
