"""Scores in parts: by script, by listener, by reason; and which votes a person has chosen to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studio.errors import RequestError
from studio.trials import ranking
from studio.trials.ranking import Ranking
from studio.trials.ratings import Rating
from studio.trials.votes import TAGS, Vote

PARTS = ("script", "listener", "tag")


@dataclass(frozen=True)
class Part:
    """The votes of one script, listener or reason. scores: id of a `Place` -> the share of votes that it would win
    against an average one. verdict: in words, for these votes alone.
    """

    name: str
    votes: int
    scores: Mapping[str, float]
    verdict: str


@dataclass(frozen=True)
class Choice:
    """Which votes to look at; empty is all. script: a digest."""

    listener: str = ""
    tag: str = ""
    script: str = ""

    def of(self, votes: Sequence[Vote]) -> list[Vote]:
        """Those that are meant."""
        return [
            vote
            for vote in votes
            if (not self.listener or vote.listener == self.listener)
            and (not self.tag or self.tag in vote.tags)
            and (not self.script or vote.script == self.script)
        ]

    def of_ratings(self, ratings: Sequence[Rating]) -> list[Rating]:
        """Those that are meant; a rating has no reasons."""
        return [
            rating
            for rating in ratings
            if (not self.listener or rating.listener == self.listener)
            and (not self.script or rating.script == self.script)
        ]


def scripts(votes: Sequence[Vote]) -> dict[str, str]:
    """Digest -> what the script is called, in order of appearance."""
    return {vote.script: vote.name or vote.script for vote in votes}


def parts(votes: Sequence[Vote], whole: Ranking, part: str, way: str = "system") -> list[Part]:
    """The votes in parts, each with scores of its own. whole: the ranking of them all. way: as it was made.

    Raises RequestError for a part that is none of PARTS.
    """
    if part not in PARTS:
        raise RequestError(f"Votes have no parts by {part!r}.", f"Choose one of: {', '.join(PARTS)}.")
    labels = {place.id: place.label for place in whole.places}
    pairs = [vote for vote in votes if vote.kind == "pair"]
    told = [_part(name, found, labels, way) for name, found in _groups(pairs, part)]
    return [one for one in told if one.votes]


def _groups(votes: Sequence[Vote], part: str) -> list[tuple[str, list[Vote]]]:
    if part == "script":
        return [(name, Choice(script=digest).of(votes)) for digest, name in scripts(votes).items()]
    if part == "listener":
        return [(name, Choice(listener=name).of(votes)) for name in dict.fromkeys(vote.listener for vote in votes)]
    return [(tag, Choice(tag=tag).of(votes)) for tag in TAGS]


def _part(name: str, votes: Sequence[Vote], labels: Mapping[str, str], way: str) -> Part:
    try:
        found = ranking.outline(votes, labels, way)
    except RequestError as error:
        return Part(name, len(votes), {}, error.message)
    return Part(name, len(votes), found.scores, found.verdict)
