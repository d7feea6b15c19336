"""`Judging`: what the page asks about comparisons and scores, as functions from JSON to JSON.

What may be seen while somebody listens blind, the list of comparisons, names no entry.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from studio.errors import RequestError, StudioError
from studio.studio import Studio
from studio.trials import abx, breakdown, files, playing, ranking, ratings, votes
from studio.trials.breakdown import Choice
from studio.trials.comparison import Comparison, Entry
from studio.trials.files import Answers
from studio.trials.renderings import Rendering
from studio.trials.trials import Trials
from studio.ui import forms
from studio.ui.forms import Json, Order, file_url
from studio.ui.peaks import peaks
from studio.ui.voice_library import VoiceLibrary

RECENT, MOST_READ = 30, 300  # cards of the list; comparisons that are looked at for it, a set having many


class Judging:
    """One for all visitors. On a shared machine a visitor sees only the comparisons whose ids the browser remembers."""

    def __init__(self, studio: Studio, voices: VoiceLibrary) -> None:
        self.studio = studio
        self.is_shared = studio.settings.is_shared
        self._voices = voices
        self._opened: Trials | None = None
        self._now: dict[str, Rendering] = {}  # entries that are being spoken
        self._stops: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    @property
    def trials(self) -> Trials:
        """Opened when it is first asked for: most visitors never compare."""
        with self._lock:
            if self._opened is None:
                self._opened = Trials(self.studio)
            return self._opened

    def open(self) -> Trials:
        """The same, for who needs it later."""
        return self.trials

    def functions(self) -> list[Callable[[Any], Json]]:
        """What the page may call, each by its name."""
        return [
            self.comparisons, self.compare, self.comparison, self.resume_comparison, self.halt_comparison,
            self.drop_comparison, self.scores, self.export_votes, self.import_votes,
        ]  # fmt: skip

    def comparisons(self, asked: Json) -> Json:
        """What was compared, newest first; nothing in it names an entry. asked: {own: ids the browser remembers}."""
        own = {str(one) for one in asked.get("own") or ()}
        found = [one for one in self.trials.store.recent(MOST_READ) if not self.is_shared or own & {one.id, one.series}]
        targets = dict.fromkeys(one.series or one.id for one in found)
        return {"comparisons": [self._series(target) for target in list(targets)[:RECENT]], "tags": list(votes.TAGS)}

    def _series(self, target: str) -> Json:
        """A comparison, or all of a set of scripts, as one card."""
        members = self.trials.store.members(target)
        cards = [self._card(one) for one in members]
        return {
            **cards[0],
            "id": target,
            "scripts": [{"id": card["id"], "name": card["name"]} for card in cards],
            "ready": sum(card["ready"] for card in cards),
            "entries": sum(card["entries"] for card in cards),
            "hearable": any(card["ready"] > 1 for card in cards),
            "votes": sum(card["votes"] for card in cards),
            "running": any(card["running"] for card in cards),
        }

    def _card(self, comparison: Comparison) -> Json:
        return {
            "id": comparison.id,
            "name": comparison.name,
            "created": comparison.created,
            "entries": len(comparison.entries),
            "ready": len(self.trials.blind.ready(comparison)),
            "votes": len(self.trials.store.votes(comparison.id)) + len(self.trials.sheets.ratings(comparison.id)),
            "running": comparison.id in self._stops,
        }

    def compare(self, asked: Json) -> Json:
        """Begin a comparison. asked: an order's rows and lead, {entries: [{engine, seed, voices, sampling, ...}],
        more: [{rows, lead}] further scripts of a set}. Gives the comparison's id, or the series'; first: to look at.

        Raises RequestError, and RowError for a turn that cannot be read.
        """
        orders = [Order.read({**one, "engine": "any"}) for one in (asked, *(asked.get("more") or ()))]
        scripts = [order.written().script for order in orders]
        speakers = {speaker for script in scripts for speaker in script.speakers}
        entries = []
        for one in asked["entries"]:
            entry = _entry(one)
            speaking = {speaker: voice for speaker, voice in entry.voices.items() if speaker in speakers}
            self._voices.allow(speaking, {voice.id for voice in self.studio.spec(entry.engine).voices})
            entries.append(Entry(**{**entry.values, "voices": speaking}))
        series = self.trials.begin_series(scripts, entries)
        self._start(series)
        return {"id": series[0].series or series[0].id, "first": series[0].id}

    def resume_comparison(self, asked: Json) -> Json:
        """Speak what is not spoken yet. asked: {id}."""
        self._start([self.trials.store.get(str(asked["id"]))])
        return {"begun": True}

    def halt_comparison(self, asked: Json) -> Json:
        """Stop speaking; what is done stays. asked: {id}."""
        flag = self._stops.get(str(asked["id"]))
        if flag:
            flag.set()
        return {"stopping": flag is not None}

    def drop_comparison(self, asked: Json) -> Json:
        """Take it, or all of a series, out of the list, with its sounds; votes stay. asked: {id}."""
        for one in self.trials.store.members(str(asked["id"])):
            self.halt_comparison({"id": one.id})
            self.trials.store.delete(one.id)
        return {"deleted": True}

    def _start(self, comparisons: Sequence[Comparison]) -> None:
        with self._lock:
            idle = [one for one in comparisons if one.id not in self._stops]
            if not idle:
                return
            flag = threading.Event()
            self._stops |= {one.id: flag for one in idle}
        threading.Thread(target=self._render, args=(idle, flag), name="comparison", daemon=True).start()

    def _render(self, comparisons: Sequence[Comparison], flag: threading.Event) -> None:
        try:
            for comparison, rendering in self.trials.render_series(comparisons, flag.is_set):
                self._now[f"{comparison.id}/{rendering.entry}"] = rendering
        except StudioError as error:  # the disk, mostly: what is spoken stays, and the entry that broke says so
            for comparison in comparisons:
                waiting = next((one for one in self.trials.store.renderings(comparison) if not one.is_ready), None)
                if waiting:
                    broken = Rendering(waiting.entry, "failed", reason=error.message, remedy=error.remedy)
                    self._now[f"{comparison.id}/{waiting.entry}"] = broken
        finally:
            with self._lock:
                for comparison in comparisons:
                    self._stops.pop(comparison.id, None)

    def comparison(self, asked: Json) -> Json:
        """All of a comparison: its script, and each entry by name, with sound and measures. asked: {id}.

        target: of a blind test: the comparison, or the set of scripts that it belongs to.
        """
        comparison = self.trials.store.get(str(asked["id"]))
        running = comparison.id in self._stops
        names = self.trials.labels(comparison)
        items = [self._form(comparison, entry, name) for entry, name in zip(comparison.entries, names, strict=True)]
        return {
            **self._card(comparison),
            "target": comparison.series or comparison.id,
            "running": running,
            "rows": forms.rows_of(comparison.script),
            "lead": comparison.script.lead_in,
            "items": items,
        }

    def _form(self, comparison: Comparison, entry: Entry, label: str) -> Json:
        kept = self.trials.store.rendering(comparison.id, entry.id)
        now = kept if kept.state != "waiting" else self._now.get(f"{comparison.id}/{entry.id}", kept)
        told: Json = {"id": entry.id, "label": label, "desk": {**entry.values, "voices": dict(now.voices)}}
        plain = ("state", "doing", "reason", "remedy", "seconds", "work_seconds", "loudness_lufs", "rtf")
        told |= {name: getattr(now, name) for name in plain}
        told |= {"memory_gb": self.studio.spec(entry.engine).memory_gb, "measures": dict(now.measures)}
        if not now.is_ready:
            return told
        path = self.trials.store.sounds / now.sound
        picture = peaks(path, now.seconds)
        return {
            **told,
            "url": file_url(path),
            "gain": playing.gain(now.loudness_lufs),
            "turns": [list(timing) for timing in now.timings],
            "peaks": picture.values,
            "peaks_per_second": picture.per_second,
        }

    def scores(self, asked: Json) -> Json:
        """What people said. asked: {id: of a comparison or a series, "" for all, by: of ranking.WAYS, listener, tag,
        script: a digest}.
        """
        answers, by = self._answers(asked), str(asked.get("by") or "system")
        found = answers.votes
        choice = Choice(*(str(asked.get(name) or "") for name in ("listener", "tag", "script")))
        chosen = choice.of(found)
        told: Json = {
            "listeners": [asdict(one) for one in ranking.steadiness(chosen)],
            "names": list(dict.fromkeys([one.listener for one in found] + [one.listener for one in answers.ratings])),
            "scripts": list(breakdown.scripts(found).items()),
            "total": len(chosen),
            "abx": [asdict(one) for one in abx.audibility(chosen, self.trials.titles)],
            "gradings": self.trials.gradings(choice.of_ratings(answers.ratings)),
            "answers": len(found) + len(answers.ratings),
        }
        try:
            ranked = self.trials.rank(chosen, by)
        except RequestError as error:
            return {**told, "ranking": None, "why": str(error)}
        places = [{**asdict(place), "scores": place.scores, "votes": place.votes} for place in ranked.places]
        parts = {name: [asdict(one) for one in breakdown.parts(chosen, ranked, name, by)] for name in breakdown.PARTS}
        return {**told, "ranking": {**asdict(ranked), "places": places}, "parts": parts}

    def _answers(self, asked: Json) -> Answers:
        if self.is_shared and not asked.get("id"):
            raise RequestError("On a shared studio only votes of one comparison can be seen.", "Open a comparison.")
        return self.trials.answers(str(asked.get("id") or ""))

    def export_votes(self, asked: Json) -> Json:
        """Votes and ratings as a file's text. asked: {id, form: "json" for both, "csv" for one, what: "ratings"}."""
        answers = self._answers(asked)
        if asked.get("form") != "csv":
            return {"name": "votes.json", "text": files.to_json(answers)}
        if asked.get("what") == "ratings":
            return {"name": "ratings.csv", "text": ratings.to_csv(answers.ratings)}
        return {"name": "votes.csv", "text": votes.to_csv(answers.votes)}

    def import_votes(self, asked: Json) -> Json:
        """Add votes from a file, all or none. asked: {text}."""
        if self.is_shared:
            raise RequestError("Only who runs this studio may import votes.", "There: python -m studio votes import")
        text = str(asked["text"])
        if len(text) > votes.MOST_BYTES:
            raise RequestError("The file is too large for votes.", "Choose one that was exported here.")
        return asdict(self.trials.merge(files.read(text)))


def _entry(asked: Any) -> Entry:
    """An entry from outside. Raises RequestError."""
    try:
        return Entry(
            engine=str(asked["engine"]),
            seed=asked.get("seed", 0),
            voices={str(speaker): str(voice) for speaker, voice in dict(asked.get("voices") or {}).items() if voice},
            sampling={str(name): float(value) for name, value in dict(asked.get("sampling") or {}).items()},
            precision=str(asked.get("precision") or "")[:20],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RequestError("The page sent an entry that is none.", "Reload the page.") from error
