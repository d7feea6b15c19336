"""`Desk`: what the page asks of the studio, as functions from JSON to JSON. Knows no gradio; page.py carries it."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import Any

from studio import casting, watermark
from studio.advice import advise
from studio.errors import RequestError, StudioError
from studio.events import Planned
from studio.formats import Reading, read, read_text, to_json
from studio.jobs import PERSON, Asker
from studio.runs import Run
from studio.script import Script
from studio.studio import Studio
from studio.ui import forms
from studio.ui.audition import Auditions
from studio.ui.blind_tests import BlindTests
from studio.ui.drafts import Drafts
from studio.ui.forms import Json, Order
from studio.ui.inspector import Inspector
from studio.ui.judging import Judging
from studio.ui.listening import Listening
from studio.ui.live import Broadcast, result
from studio.ui.recordings import Recordings
from studio.ui.saving import Saving
from studio.ui.shelf import Shelf
from studio.ui.voice_library import VoiceLibrary
from studio.ui.yardstick import Yardstick

SAMPLES = Path(__file__).parents[2] / "assets" / "samples"
MAX_FILE_BYTES = 4_000_000
RECENT = 20
LISTENING = "listening"  # the folder of what may be heard for a while
MAX_FLAGS = 1000
MAX_LIVE = 32  # runs whose last pieces of sound can be asked for
DEVICES = {"cpu": "on this computer’s processor", "cuda": "on the graphics card", "mps": "on the Apple GPU"}


class Desk:
    """One for all visitors. On a shared machine a visitor sees only the runs whose ids the own browser remembers."""

    def __init__(self, studio: Studio, brought: Path | None = None) -> None:
        """brought: the folder in which the page's uploads arrive."""
        self.studio = studio
        self.is_shared = studio.settings.is_shared
        self.shelf = Shelf(studio, self.is_shared)
        listening = Listening(studio.settings.data / LISTENING)
        recordings = Recordings(studio, listening, brought or studio.settings.data / "brought")
        self.voices = VoiceLibrary(studio, recordings, listening)
        judging = Judging(studio, self.voices)
        self._parts = (
            self.shelf,
            recordings,
            self.voices,
            Auditions(studio, self.voices),
            Inspector(studio, recordings),
            Yardstick(studio),
            judging,
            BlindTests(studio, judging.open, recordings),
            Saving(judging.open, listening),
        )
        self._drafts = Drafts(studio.settings.data / "scripts")
        self._stops: dict[str, threading.Event] = {}
        self._live: dict[str, Broadcast] = {}
        self._running: set[str] = set()
        self._lock = threading.Lock()

    def functions(self) -> list[Callable[[Any], Json]]:
        """What the page may call, each by its name."""
        asked = (
            self.open_desk, self.review, self.split, self.sample, self.import_script, self.export_script,
            self.save, self.stop, self.pieces, self.recent, self.take, self.forget, self.export,
            *(function for part in self._parts for function in part.functions()),
        )  # fmt: skip
        return [_told(function) for function in asked]

    def open_desk(self, asked: Json) -> Json:
        """All that a page shows at first. asked: {browser, runs}."""
        return {
            **self.shelf.look_again({}),
            "samples": [_sample_form(path) for path in sorted(SAMPLES.glob("*.txt"))],
            "watermark": watermark.meaning(self.studio.settings.watermark),
            "draft": None if self.is_shared else self._drafts.latest(),
            **self.recent(asked),
        }

    def review(self, asked: Json) -> Json:
        """What the engine would make of the script: notes at their turns, length, passages, voices for the uncast."""
        order = Order.read(asked)
        spec = self.studio.spec(order.engine)
        try:
            written = order.written()
        except forms.RowError as error:
            return {"problem": forms.problem(error), "notes": [error.note]}
        device = self.studio.manager.placement.device
        advice = advise(written.script, spec, device, self.studio.precision(order.engine, order.precision))
        voices = self.studio.cast(written.script, order.engine, self._voices(order, written))
        suited = casting.suited(spec, voices.values(), ())
        return {
            "seconds": round(advice.seconds, 1),
            "passages": advice.passages,
            "device": DEVICES[device],
            "cast": {speaker: {"id": voice.id, "name": voice.name} for speaker, voice in voices.items()},
            "suited": {name: {"value": one.settings[name], "voice": one.name} for name, one in suited.items()},
            "notes": [forms.note_form(note, order, written) for note in advice.notes],
        }

    def _voices(self, order: Order, written: forms.Written) -> dict[str, str]:
        """The voices of those who speak. Raises UnknownVoice for one that a visitor may not use."""
        voices = order.voices_in(written.script)
        self.voices.allow(voices, {voice.id for voice in self.studio.spec(order.engine).voices})
        return voices

    def split(self, asked: Json) -> Json:
        """A pasted text as turns. asked: {text, cast}."""
        text = str(asked["text"])
        if len(text) > self.studio.settings.max_script_characters:
            raise RequestError("The pasted text is too long for a script.", "Paste it in parts.")
        return _reading_form(read_text(text, [str(name) for name in asked["cast"]]))

    def sample(self, asked: Json) -> Json:
        """One of the samples. asked: {name}."""
        path = next((path for path in SAMPLES.glob("*.txt") if path.stem == asked["name"]), None)
        if path is None:
            raise RequestError(f"There is no sample {asked['name']!r}.", "Reload the page.")
        return forms.desk_of(Script.parse(path.read_text(encoding="utf-8")))

    def import_script(self, asked: Json) -> Json:
        """A script from a file. asked: {name, data: base64}."""
        name, data = Path(str(asked["name"])).name[:100], str(asked["data"])
        if len(data) > MAX_FILE_BYTES * 4 // 3 + 4:
            raise RequestError(f"{name} is too large for a script.", "Use a text file of at most 4 MB.")
        try:
            content = base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise RequestError(f"{name} did not arrive whole.", "Choose it again.") from error
        return _reading_form(read(content, name))

    def export_script(self, asked: Json) -> Json:
        """The script as a file's text. asked: an order with form "txt" or "json"."""
        order = Order.read(asked)
        script = order.written().script
        form = "json" if asked.get("form") == "json" else "txt"
        return {"name": f"{_stem(script)}.{form}", "text": (to_json(script) if form == "json" else str(script)) + "\n"}

    def save(self, asked: Json) -> Json:
        """Keep a draft on disk. asked: {browser, desk}."""
        self._drafts.save(str(asked["browser"]), asked["desk"])
        return {"saved": True}

    def recent(self, asked: Json) -> Json:
        """The runs this visitor may see, newest first. asked: {runs: ids the browser remembers}."""
        own = {str(run_id) for run_id in asked.get("runs") or ()}
        runs = self.studio.recent(10 * RECENT if self.is_shared else RECENT)
        seen = [run for run in runs if not self.is_shared or run.id in own][:RECENT]
        return {"takes": [self._form(run) for run in seen]}

    def take(self, asked: Json) -> Json:
        """One run: what was on the desk and, when it has sound, everything the player needs. asked: {id}."""
        run = self.studio.run(str(asked["id"]))
        told = {**self._form(run), **forms.run_desk(run)}
        return {**told, **result(run), "states": "d" * len(run.script.turns)} if told["playable"] else told

    def forget(self, asked: Json) -> Json:
        """Delete a run. asked: {id}."""
        self.studio.delete_run(str(asked["id"]))
        return {"deleted": True}

    def export(self, asked: Json) -> Json:
        """A run's sound in another format. asked: {run, form}."""
        run = self.studio.run(str(asked["run"]))
        path = self.studio.export(run.id, str(asked["form"]))
        return {"url": forms.file_url(path), "name": f"{_stem(run.script)}{path.suffix}"}

    def stop(self, asked: Json) -> Json:
        """Stop what is spoken under this token, within one step of the engine. asked: {token}."""
        self._flag(str(asked["token"])).set()
        return {"stopping": True}

    def pieces(self, asked: Json) -> Json:
        """Pieces of sound that the page has missed. asked: {token, first: the number of the first}."""
        with self._lock:
            broadcast = self._live.get(str(asked["token"]))
        return {"pieces": broadcast.pieces(int(asked["first"])) if broadcast else []}

    def speak(self, data: Any, visitor: str = "") -> Iterator[Json]:
        """Speak an order and tell the dock what happens. Errors for a person are told too, as the last value. visitor:
        a word that tells one page from another, so that each has its turn.

        Closing the iterator stops the work, as the page's Stop does.
        """
        token = str(data.get("token", ""))[:64] if isinstance(data, dict) else ""
        try:
            yield from self._speak(Order.read(data), self._flag(token), Asker(f"page {visitor}") if visitor else PERSON)
        except StudioError as error:
            yield {"token": token, "phase": "failed", "states": "", "ring": [], "error": forms.problem(error)}
        finally:
            with self._lock:
                self._stops.pop(token, None)

    def _speak(self, order: Order, flag: threading.Event, asker: Asker) -> Iterator[Json]:
        written = order.written()
        request = self.studio.request(
            written.script, order.engine, self._voices(order, written), order.sampling, order.seed, order.precision
        )
        spec = self.studio.spec(order.engine)
        broadcast = Broadcast(order.token, spec, written.owners, advise(written.script, spec).seconds)
        self._remember(order.token, broadcast)
        events = self.studio.speak(order.engine, request, order.fresh, asker)
        try:
            with closing(events):
                for event in events:
                    yield from broadcast.values(event)
                    if isinstance(event, Planned):
                        self._running.add(event.run.id)
                    if flag.is_set():
                        yield broadcast.stopped()
                        return
        except StudioError as error:
            yield broadcast.failed(error)
        finally:
            if broadcast.run:
                self._running.discard(broadcast.run.id)

    def _flag(self, token: str) -> threading.Event:
        """The flag that stops a run; Stop may come before the run has left gradio's queue."""
        with self._lock:
            while len(self._stops) > MAX_FLAGS:
                del self._stops[next(iter(self._stops))]
            return self._stops.setdefault(token, threading.Event())

    def _remember(self, token: str, broadcast: Broadcast) -> None:
        with self._lock:
            self._live[token] = broadcast
            while len(self._live) > MAX_LIVE:
                del self._live[next(iter(self._live))]

    def _form(self, run: Run) -> Json:
        form = forms.run_form(run, self._title(run))
        return {**form, "state": "running"} if run.id in self._running else form

    def _title(self, run: Run) -> str:
        try:
            return self.studio.spec(run.engine).title
        except RequestError:  # an engine that was removed since
            return run.engine


def _told(function: Callable[[Any], Json]) -> Callable[[Any], Json]:
    """The function with errors for a person as a part of its answer, and what is missing in a question as one."""

    @wraps(function)
    def told(asked: Any) -> Json:
        try:
            return function(asked)
        except StudioError as error:
            return {"error": forms.problem(error)}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return {
                "error": {
                    "message": f"The page asked for {function.__name__} wrongly: {error}.",
                    "remedy": "Reload it.",
                }
            }

    return told


def _sample_form(path: Path) -> Json:
    script = Script.parse(path.read_text(encoding="utf-8"))
    voices = len(script.speakers)
    hint = f"{voices} {'voice' if voices == 1 else 'voices'}, {len(script.turns)} turns"
    return {"name": path.stem, "title": path.stem.replace("-", " ").replace("_", " ").capitalize(), "hint": hint}


def _reading_form(reading: Reading) -> Json:
    return {**forms.desk_of(reading.script), "left_out": list(reading.left_out)}


def _stem(script: Script) -> str:
    """A file name from the first words."""
    words = "".join(letter if letter.isalnum() else " " for letter in script.turns[0].text).split()
    return "-".join(words[:5]).lower()[:50] or "dialogue"
