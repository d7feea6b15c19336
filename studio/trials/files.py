"""Votes and ratings as files: one JSON document of both, or a CSV table of either. Knows no database."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studio.errors import RequestError
from studio.trials import ratings, votes
from studio.trials.ratings import Rating
from studio.trials.votes import FORMAT, REMEDY, Vote

FORMS = ("json", "csv")


@dataclass(frozen=True)
class Answers:
    """What people said, in the order in which it was written."""

    votes: Sequence[Vote] = ()
    ratings: Sequence[Rating] = ()


def to_json(answers: Answers) -> str:
    """Both as one JSON document. Who knows votes only reads them from it and leaves the rest."""
    told = {
        "format": FORMAT,
        "version": 1,
        "votes": [vote.values for vote in answers.votes],
        "ratings": [rating.values for rating in answers.ratings],
    }
    return json.dumps(told, indent=1)


def read(text: str) -> Answers:
    """What a file holds. Raises RequestError, naming the line or number, when a single answer is not whole."""
    if text.lstrip()[:1] in ("{", "["):
        found = votes.read(text)
        return Answers(found, _ratings(_of_json(text)))
    opening = text.removeprefix("\ufeff").partition("\n")[0]
    if set(opening.rstrip("\r").split(",")) == set(ratings.COLUMNS):
        return Answers((), _ratings(ratings.of_rows(_rows(text))))
    return Answers(votes.read(text))


def _of_json(text: str) -> list[Any]:
    found = json.loads(text).get("ratings", [])
    if not isinstance(found, list):
        raise RequestError("The file does not hold ratings.", REMEDY)
    return found


def _rows(text: str) -> list[dict[str, str]]:
    try:
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True))
        if any(None in row or None in row.values() for row in rows):
            raise RequestError("A line of the file has too many or too few cells.", REMEDY)
        return [{name: cell.removeprefix("'") for name, cell in row.items()} for row in rows]
    except csv.Error as error:
        raise RequestError(f"The file does not hold ratings: {error}.", REMEDY) from error


def _ratings(found: Sequence[Any]) -> list[Rating]:
    whole = []
    for number, values in enumerate(found, 1):
        try:
            whole.append(Rating.read(values))
        except RequestError as error:
            raise RequestError(f"Rating {number} of the file is damaged: {error.message}", REMEDY) from error
    return whole
