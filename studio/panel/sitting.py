"""`Sitting`: a blind test question by question, as functions from JSON to JSON; for the Compare tab and for who comes by
a link.

Nothing that is told before an answer names an entry: a question holds an id and sounds of one rate, length and loudness,
in one answer, so that no address, file or time of its own tells them apart.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

import numpy as np

from studio.audio import Audio
from studio.trials import drawing, playing, votes
from studio.trials.blind import Answer, BlindTest, Reveal
from studio.trials.votes import Side, Vote

Json = dict[str, Any]


class Sitting:
    """On a store's blind tests; for any number of listeners at once."""

    def __init__(self, blind: BlindTest) -> None:
        self._blind = blind
        self._store = blind.store

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
            "trial": len(_of_run(own, posed)) % drawing.RUN + 1 if test == "abx" else 0,
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
        if found.kind == "abx":  # what X was stays untold until the run is complete: the next trial has the same A and B
            return told
        choice = found.vote.choice if found.vote else ""
        return {**told, "first": _side(found.first), "second": _side(found.second), "choice": choice}


def _of_run(own: list[Vote], posed: drawing.Question) -> list[Vote]:
    """The ABX votes on the pair of a question."""
    sides = {posed.first, posed.second}
    return [
        vote
        for vote in own
        if vote.kind == "abx"
        and vote.comparison == posed.comparison
        and {vote.first.entry, vote.second.entry} == sides
    ]


def sounds(heard: tuple[Audio, ...]) -> list[str]:
    """Each as PCM of 16 bits in base64; never the same bytes twice."""
    chance = np.random.default_rng(secrets.randbits(128))
    return [base64.b64encode(playing.pcm(audio, chance).tobytes()).decode() for audio in heard]


def _side(side: Side) -> Json:
    return {"label": side.label, "degraded": side.degraded}
