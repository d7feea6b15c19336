"""`Sitting`: a blind test question by question, as functions from JSON to JSON; for the Compare tab and by a link.

Nothing that is told before an answer names an entry: a question holds an id and sounds of one rate, length and
loudness, in one answer, so that no address, file or time of its own tells them apart.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

import numpy as np

from studio.audio import Audio
from studio.trials import abx, drawing, playing, votes
from studio.trials.blind import Answer, BlindTest, Reveal
from studio.trials.mushra import RatingTest
from studio.trials.ratings import LABELS
from studio.trials.sheets import SheetStore
from studio.trials.store import TrialStore
from studio.trials.votes import Side, Vote

Json = dict[str, Any]


class Sitting:
    """On a store; for any number of listeners at once."""

    def __init__(self, store: TrialStore) -> None:
        self._store = store
        self._blind = BlindTest(store)
        self._rating = RatingTest(self._blind, SheetStore(store))

    def blind_question(self, asked: Json) -> Json:
        """The listener's next question, or the one still open.

        asked: {id: of a comparison or series, listener, test: "pair" or "abx", pair: two entries or none}.
        """
        target, listener = str(asked["id"]), str(asked["listener"])
        test = str(asked.get("test") or "pair")
        heard = self._blind.ask(target, listener, test, [str(one) for one in asked.get("pair") or ()])
        posed = self._store.posed(heard.id).question
        own = [vote for vote in self._store.votes(target) if vote.listener == listener]
        return {
            "question": heard.id,
            "sample_rate": heard.first.sample_rate,
            "sounds": sounds(heard.sounds),
            "least_seconds": votes.LEAST_HEARD_SECONDS,
            "votes": sum((vote.kind == "abx") == (test == "abx") for vote in own),
            "trial": len(abx.alike(own, posed)) % drawing.RUN + 1 if test == "abx" else 0,
            "run": drawing.RUN,
        }

    def blind_answer(self, asked: Json) -> Json:
        """Vote, and be told what it was. asked: {question, choice, heard: seconds of each sound, tags, by}."""
        heard = tuple(float(seconds) for seconds in asked["heard"])
        tags = tuple(str(tag) for tag in asked.get("tags") or ())
        answer = Answer(str(asked["choice"]), heard, tags, str(asked.get("by", ""))[:20])
        return self._told(self._blind.answer(str(asked["question"]), answer))

    def blind_reveal(self, asked: Json) -> Json:
        """Be told without a vote; none counts afterwards. asked: {question}."""
        return self._told(self._blind.give_up(str(asked["question"])))

    def _told(self, found: Reveal) -> Json:
        told = {"kind": found.kind, "counted": found.counted, "why": found.why}
        if found.kind == "abx":  # what X was stays untold: the next trial has the same A and B
            return {**told, "result": self._result(found.vote) if found.counted and found.vote else None}
        choice = found.vote.choice if found.vote else ""
        return {**told, "first": _side(found.first), "second": _side(found.second), "choice": choice}

    def _result(self, vote: Vote) -> Json | None:
        """What a run says, once it is complete."""
        own = [one for one in self._store.votes(vote.comparison) if one.listener == vote.listener]
        run = abx.alike(own, vote)
        if len(run) % drawing.RUN:
            return None
        right = sum(one.is_right for one in run)
        return {"right": right, "trials": len(run), "verdict": abx.verdict(right, len(run))}

    def rating_sheet(self, asked: Json) -> Json:
        """The listener's next sheet, or the one still open. asked: {id, listener, reference: an entry, "recording" or
        empty}. {"over": true} when every script is rated.
        """
        target, listener = str(asked["id"]), str(asked["listener"])
        screen = self._rating.ask(target, listener, str(asked.get("reference") or ""))
        if screen is None:
            return {"over": True}
        reference = [screen.reference] if screen.reference else []
        return {
            "over": False,
            "sheet": screen.id,
            "sample_rate": screen.sounds[0].sample_rate,
            "sounds": sounds((*reference, *screen.sounds)),
            "reference": bool(reference),
            "least_seconds": votes.LEAST_HEARD_SECONDS,
            "labels": list(LABELS),
            "done": screen.done,
            "of": screen.of,
        }

    def rating_answer(self, asked: Json) -> Json:
        """Give scores, and be told what it was. asked: {sheet, scores, heard: seconds of each, by}."""
        scores = [float(score) for score in asked["scores"]]
        heard = [float(seconds) for seconds in asked["heard"]]
        rated = self._rating.answer(str(asked["sheet"]), scores, heard, str(asked.get("by", ""))[:20])
        told = [{"label": one.label, "score": one.score} for one in rated.rating.stimuli]
        why = "" if rated.counted else "This sheet was rated before; the first scores count."
        return {"counted": rated.counted, "why": why, "stimuli": told}

    def owner_of_question(self, asked: Json) -> tuple[str, str]:
        """Whose question it is, and about which comparison. Raises RequestError for one that was never asked."""
        posed = self._store.posed(str(asked["question"]))
        return posed.listener, posed.question.comparison

    def owner_of_sheet(self, asked: Json) -> tuple[str, str]:
        """Whose sheet it is, and of which comparison. Raises RequestError for one that was never given out."""
        sheet = self._rating.sheets.sheet(str(asked["sheet"]))
        return sheet.listener, sheet.comparison


def sounds(heard: tuple[Audio, ...]) -> list[str]:
    """Each as PCM of 16 bits in base64; never the same bytes twice."""
    chance = np.random.default_rng(secrets.randbits(128))
    return [base64.b64encode(playing.pcm(audio, chance).tobytes()).decode() for audio in heard]


def _side(side: Side) -> Json:
    return {"label": side.label, "degraded": side.degraded}
