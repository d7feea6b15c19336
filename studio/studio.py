"""`Studio`: the one door for page, CLI and API. They parse, call it and show; nothing of the work is done in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from studio import bounds, casting, engines, soundfiles
from studio.dictation import Dictation
from studio.director import Director
from studio.engines.base import PRECISIONS, EngineModule, EngineSpec, Obstacle, Placement
from studio.errands import Errands
from studio.errors import EngineUnavailable, OutputError, RequestError, UnknownCast, suggest
from studio.events import Event, Events, Listening
from studio.gpu import choose_device, cores, free_gb, share_cores
from studio.hearing import Recogniser
from studio.inspection import Inspection, inspect
from studio.intake import Desk
from studio.jobs import PERSON, Asker, JobRunner, Patience
from studio.label import Label
from studio.library import Library, LibraryVoice
from studio.live import LiveDirector
from studio.manager import ModelManager
from studio.models import Models
from studio.request import SpeechRequest
from studio.runs import Run, RunStore
from studio.script import Script
from studio.settings import Settings
from studio.takes import Take, TakeStore
from studio.voice import Voice
from studio.zero import LentGpu

SAMPLES = Path(__file__).parents[1] / "assets" / "voices"


@dataclass(frozen=True)
class EngineRow:
    """An engine as a menu shows it: grey, with a reason and a remedy, when something is in the way.

    precisions: of its weights, to choose from here, what is taken without a choice first.
    """

    spec: EngineSpec
    obstacle: Obstacle | None
    precisions: tuple[str, ...] = PRECISIONS[:1]


@dataclass(frozen=True)
class VoiceRow:
    """A voice that a speaker can be given. kind: "preset" of the engine, "library", or "sample" of the studio's own."""

    id: str
    name: str
    description: str
    kind: str


class Fleet(Protocol):
    """Where engines speak if not in this process."""

    def module(self, engine_id: str) -> EngineModule:
        """The engine's module, which speaks there. Raises UnknownEngine."""


class Studio:
    """Made once by the process and passed down. Speaking happens on one worker thread, in order of asking."""

    def __init__(self, settings: Settings, fleet: Fleet | None = None) -> None:
        """fleet: where passages are spoken, if not in this process."""
        self.settings = settings
        self._fleet = fleet
        share_cores()
        lends = settings.zero_gpu and settings.device != "cpu" and find_spec("torch") is not None
        self.lent = LentGpu() if lends else None
        elsewhere = fleet or self.lent
        self._find = elsewhere.module if elsewhere else engines.module
        device = "cuda" if self.lent else choose_device(settings.device)
        if settings.precision != "exact" and device != "cpu":
            raise RequestError(
                f"Precision {settings.precision} is made for the CPU, and this studio runs on {device}.",
                "Take STUDIO_PRECISION away, or set STUDIO_DEVICE=cpu.",
            )
        threads = settings.threads
        placement = Placement(device, threads or 1, settings.data / "models", large_threads=threads or cores())
        budget_gb = math.inf if fleet else settings.budget_gb  # what speaks elsewhere takes no memory here
        self.manager = ModelManager(placement, budget_gb, lambda: free_gb(device), self._find)
        self.takes = TakeStore(settings.data / "takes")
        self.runs = RunStore(settings.data / "runs")
        for run, takes in self.runs.left_behind():
            self._forget(run, takes)
        self.library = Library(settings.data / "voices", SAMPLES)
        self.recogniser = Recogniser(threads or 1)
        self.models = Models(self.manager)
        self.errands = Errands(self.models)
        idle = settings.idle_minutes * 60
        patience = Patience(settings.max_waiting, settings.stall_seconds)
        unload = partial(self.manager.unload_idle, idle)
        self.runner = JobRunner(unload, idle or None, patience, self.manager.abandon)
        self._ends: list[Callable[[], None]] = []
        self.is_warm = False  # whether the first engine that is to be ready has been tried
        self._director = Director(self.manager, self.takes, self.runs, settings.watermark)
        self._live = LiveDirector(self._director, self.manager, self.takes, self.runs)

    def engines(self) -> list[EngineRow]:
        """The engines in menu order; the stand-in only when settings ask for it. A broken one is a grey row."""
        return [self._row(name) for name in engines.MODULES if name != "tone" or self.settings.show_tone]

    def _row(self, engine_id: str) -> EngineRow:
        try:
            spec, usual = self.spec(engine_id), self.precision(engine_id)
            others = [name for name in spec.precisions(self.manager.placement.device) if name != usual]
            return EngineRow(spec, self.manager.obstacle(engine_id), (usual, *others))
        except EngineUnavailable as error:
            return EngineRow(EngineSpec.broken(engine_id), Obstacle(error.message, error.remedy))

    def spec(self, engine_id: str) -> EngineSpec:
        """What is known of an engine. Raises UnknownEngine."""
        return self._find(engine_id).SPEC

    def device_of(self, engine_id: str) -> str:
        """Where an engine runs: "cuda", "mps" or "cpu"; "" for one on a GPU that is lent, in a process of its own."""
        if not self.spec(engine_id).is_torch:
            return "cpu"
        return "" if self.lent or self._fleet else self.manager.placement.device

    def cast(self, script: Script, engine_id: str, wanted: Mapping[str, str]) -> dict[str, Voice]:
        """A voice for every speaker: of the engine, or recorded. Raises UnknownEngine, UnknownVoice, UnknownCast."""
        return casting.cast(script, engines.module(engine_id), wanted, self.library)

    def voices(self, engine_id: str) -> list[VoiceRow]:
        """The voices that an engine can speak with, its own first. Raises UnknownEngine."""
        spec = self.spec(engine_id)
        rows = [VoiceRow(voice.id, voice.name, voice.description, "preset") for voice in spec.voices]
        if spec.clones:
            for kept in self.library.search():
                about = f"{kept.references[0].seconds:.1f} s: “{kept.references[0].transcript[:60]}”"
                rows.append(VoiceRow(kept.id, kept.name, about, "sample" if kept.is_sample else "library"))
        return rows

    def precision(self, engine_id: str, wanted: str = "") -> str:
        """The precision of an engine's weights: the wanted one, else the settings' where the engine has it here.

        Raises RequestError when the wanted one is not to be had here.
        """
        spec = self.spec(engine_id)
        offered = spec.precisions(self.manager.placement.device)
        if not wanted:
            return self.settings.precision if self.settings.precision in offered else offered[0]
        if wanted not in PRECISIONS:
            raise RequestError(f"There is no precision {wanted!r}.", suggest(wanted, PRECISIONS))
        if wanted not in offered:
            where = "" if spec.int8 is None else f" on {self.manager.placement.device}: it is made for the CPU"
            raise RequestError(f"{spec.title} has no precision {wanted}{where}.", f"Choose {offered[0]}.")
        return wanted

    @property
    def desk(self) -> Desk:
        """Where recordings that somebody brings are looked at and made ready to be kept."""
        return Desk(casting.cloning(), self.recogniser)

    def request(
        self,
        script: Script,
        engine_id: str,
        voices: Mapping[str, str],
        sampling: Mapping[str, float],
        seed: int,
        precision: str = "",
    ) -> SpeechRequest:
        """A checked request. precision: see `precision`. Settings that were kept with a recorded voice for this engine
        are taken where `sampling` says nothing.

        Raises RequestError or one of its kind; nothing is loaded or spoken.
        """
        characters = sum(len(turn.text) for turn in script.turns)
        if characters > self.settings.max_script_characters:
            raise RequestError(
                f"The script has {characters:,} characters; {self.settings.max_script_characters:,} are allowed.",
                "Speak it in parts, or raise STUDIO_MAX_SCRIPT_CHARACTERS.",
            )
        return self.request_in(script, engine_id, self.cast(script, engine_id, voices), sampling, seed, precision)

    def request_in(
        self,
        script: Script,
        engine_id: str,
        voices: Mapping[str, Voice],
        sampling: Mapping[str, float],
        seed: int,
        precision: str = "",
    ) -> SpeechRequest:
        """As `request`, in voices that are at hand, kept or not."""
        spec = self.spec(engine_id)
        bounds.check(script, spec, self.settings.max_sound_seconds)
        suited = casting.suited(spec, voices.values(), sampling)
        values = spec.sampling({name: voice.settings[name] for name, voice in suited.items()} | dict(sampling))
        kept, chosen = {name: voice.id for name, voice in suited.items()}, self.precision(engine_id, precision)
        return SpeechRequest(script, voices, values, seed, precision=chosen, suited=kept)

    def suit(self, voice_id: str, engine_id: str, settings: Mapping[str, float]) -> LibraryVoice:
        """Keep the settings with which a voice is right in an engine; `request` takes them from then on. None of them
        forgets what was kept. Raises UnknownVoice, UnknownEngine, RequestError.
        """
        spec = self.spec(engine_id)
        if not spec.clones:
            raise RequestError(f"{spec.title} cannot follow a recorded voice.", "Choose an engine that clones.")
        checked = spec.sampling(settings)
        return self.library.suit(voice_id, engine_id, {name: checked[name] for name in settings})

    def speak(self, engine_id: str, request: SpeechRequest, fresh: bool = False, asker: Asker = PERSON) -> Events:
        """Speak a script and tell what happens; None is a heartbeat. Closing the iterator stops within one step.

        Raises EngineUnavailable at once when the engine cannot run, StudioError later when speaking fails.
        """
        spec = self._ready(engine_id)
        return self._told(spec, lambda: self._director.perform(spec, request, fresh), asker)

    def speak_in(self, folder: Path, engine_id: str, request: SpeechRequest, asker: Asker) -> Events:
        """Speak as `speak` does, with run and takes below a folder of the caller's."""
        spec, takes, runs = self._ready(engine_id), TakeStore(folder / "takes"), RunStore(folder / "runs")
        director = Director(self.manager, takes, runs, self.settings.watermark)
        return self._told(spec, lambda: director.perform(spec, request), asker)

    def utter(self, engine_id: str, request: SpeechRequest, asker: Asker = PERSON) -> Events:
        """Speak as `speak` does and keep nothing: the sound is in the events, no run and no file stays."""
        spec = self._ready(engine_id)
        return self._told(spec, lambda: self._director.utter(spec, request), asker)

    def dictation(self, cast: Sequence[str]) -> Dictation:
        """A script that will be written while it is spoken, by these speakers. Raises ScriptError, UnknownCast."""
        return Dictation(cast, self.settings.max_script_characters)

    def speak_live(
        self, engine_id: str, talk: Dictation, request: SpeechRequest, keep: bool = True, asker: Asker = PERSON
    ) -> Events:
        """Speak while `talk` is being written, from any thread, and tell what happens as `speak` does, and Listening
        while there is nothing to say. The run is kept with what was said as its script, unless not `keep`.

        request: made by `request` of `talk.everybody`. Closing the iterator stops within one step and ends the talk.
        Raises EngineUnavailable and UnknownCast at once, StudioError later when speaking fails.
        """
        spec = self._ready(engine_id)
        if spec.hears_text and len(talk.cast) > (most := spec.max_speakers or len(talk.cast)):
            raise UnknownCast(f"{spec.title} has {most} speakers in a dictation.", "Name fewer.")

        def work() -> Iterator[Event]:
            performance = self._live.perform(spec, talk, request)
            return performance if keep else self._director.forgetting(performance)

        return self._followed(talk, self._told(spec, work, asker), holds=not self._is_lent(spec))

    def _followed(self, talk: Dictation, events: Events, holds: bool) -> Events:
        """The events; whoever writes is told when nobody listens any more, and hurried while others wait. holds:
        whether they wait for this one.
        """
        try:
            with closing(events):
                for event in events:
                    if holds and isinstance(event, Listening) and self.runner.busy() > 1:
                        talk.hurry()
                    yield event
        finally:
            talk.end()

    def _told(self, spec: EngineSpec, work: Callable[[], Iterator[Event]], asker: Asker) -> Events:
        """What happens in a job, for as long as its sound may last."""
        events = self.runner.run(work, asker, self._is_lent(spec))
        return bounds.within(events, self.settings.max_sound_seconds)

    def _is_lent(self, spec: EngineSpec) -> bool:
        """Whether the engine speaks on a lent GPU or in a fleet, where nobody waits for our own device."""
        return self._fleet is not None or (self.lent is not None and spec.is_torch)

    def _ready(self, engine_id: str) -> EngineSpec:
        spec = self.spec(engine_id)
        obstacle = self.manager.obstacle(engine_id)
        if obstacle:
            raise EngineUnavailable(f"{spec.title} cannot run here: {obstacle.reason}", obstacle.remedy)
        return spec

    def place(self) -> None:
        """Where the GPU is lent: put the engines on it whose files are here. On the main thread, before the page opens.

        One that cannot be loaded is a grey row from then on.
        """
        if self.lent is None:
            return
        for row in self.engines():
            if row.obstacle is None and row.spec.is_torch:
                try:
                    with self.manager.lend(row.spec.id):
                        pass
                except EngineUnavailable as error:
                    self.lent.refuse(row.spec.id, error)
        self.lent.open()

    def warm_up(self, engine_id: str) -> None:
        """Load an engine before it is needed. Raises EngineUnavailable."""
        try:
            with self.manager.lend(engine_id, self.precision(engine_id)):
                pass
        finally:
            self.is_warm = True

    def recent(self, limit: int = 20) -> list[Run]:
        """What was spoken last, the newest first; kept across restarts."""
        return self.runs.recent(limit)

    def run(self, run_id: str) -> Run:
        """One run. Raises RequestError when it is not there."""
        return self.runs.get(run_id)

    def takes_of(self, run: Run) -> list[Take]:
        """The takes of a run that are still on disk, in order."""
        return [take for take in map(self.takes.get, run.takes) if take]

    def _forget(self, run_id: str, take_ids: Sequence[str]) -> None:
        """Remove what a killed process was to keep nothing of."""
        for take_id in take_ids:
            self.takes.delete(take_id)
        self.runs.forget(run_id)

    def delete_run(self, run_id: str) -> None:
        """Remove a run and its file. Raises RequestError when it is not there."""
        self.runs.delete(run_id)

    def export(self, run_id: str, form: str) -> Path:
        """The run's sound in one of soundfiles.FORMATS, made once. Raises RequestError, OutputError."""
        return exported(self.run(run_id), form)

    def inspect(self, path: Path) -> Inspection:
        """What can be told of a sound file: its mark, its label, its run. Raises AudioError."""
        return inspect(path, self.runs)

    def when_closed(self, act: Callable[[], None]) -> None:
        """Do this too when the studio is closed."""
        self._ends.append(act)

    def close(self) -> None:
        """Stop what runs and give all memory back."""
        for end in self._ends:
            end()
        self.errands.close()
        self.recogniser.close()
        self.runner.close()
        self.manager.close()


def exported(run: Run, form: str) -> Path:
    """A run's sound in one of soundfiles.FORMATS, beside its own, made once. Raises RequestError, OutputError."""
    form = soundfiles.check_format(form)
    if run.output is None or not run.output.is_file():
        raise OutputError(f"Run {run.id} has no finished sound.", "Speak it again; its takes are reused.")
    path = run.output.with_suffix(f".{form}")
    if not path.is_file():
        soundfiles.convert(run.output, path, form, Label.of(run).tags())
    return path
