"""From written text to the entries of Dia2's state machine. Knows the tokenizer's file and the marks in a script.

The form is the model's own: words between white space, [S1] and [S2] before the word that a speaker begins with, and
`<break time="1.5s"/>` for a pause. Text may come in pieces cut anywhere; a word is read once it is whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.engines.dia2.machine import Entry
from studio.errors import EngineUnavailable

TAGS = ("[S1]", "[S2]")
# How a pause, or a cue of several words, may look before it is whole.
_OPEN = re.compile(r"<(?:b(?:r(?:e(?:a(?:k[^>]{0,24})?)?)?)?)?$|\([^()\s]+\s+[^()]{0,24}(?:\)\S*)?$")


@dataclass(frozen=True)
class Text:
    """A piece of the script's text and the turn it is from."""

    text: str
    turn: int = 0


class Vocabulary:
    """Dia2's tokenizer and its special tokens."""

    def __init__(self, tokenizer: Any, begin: int, new_word: int) -> None:
        self._tokenizer = tokenizer
        self.begin = begin
        known = [tokenizer.token_to_id(tag) for tag in TAGS]
        self.first_speaker: int = new_word if known[0] is None else known[0]
        added = tokenizer.get_added_tokens_decoder().values()
        self.cues: tuple[str, ...] = tuple(token.content for token in added if token.content.startswith("("))

    @staticmethod
    def read(folder: Path, new_word: int, remedy: str) -> Vocabulary:
        """The tokenizer of a checkpoint. Raises EngineUnavailable.

        Read by `tokenizers` from its one file: that needs no code from the repository and cannot renumber tokens.
        """
        from tokenizers import Tokenizer

        try:
            text = (folder / "tokenizer.json").read_text(encoding="utf-8")
            settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
            if not json.loads(text)["model"]["vocab"]:
                raise KeyError("vocab")
            begin = settings.get("bos_token")
            begin = begin.get("content") if isinstance(begin, dict) else begin
            if not isinstance(begin, str | None):
                raise ValueError(f"bos_token is {begin!r}")
        except OSError as error:
            raise EngineUnavailable(f"{error.filename} cannot be read: {error.strerror}.", remedy) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EngineUnavailable(f"The tokenizer of Dia2 is damaged: {error}.", remedy) from error
        tokenizer = Tokenizer.from_str(text)
        # the published models begin with token 1 although theirs is 0: the reference takes 0 for "none"
        return Vocabulary(tokenizer, (tokenizer.token_to_id(begin) if begin else 0) or 1, new_word)

    @property
    def count(self) -> int:
        """How many rows a table of text must have for all tokens."""
        return 1 + max(map(int, self._tokenizer.get_vocab(with_added_tokens=True).values()))

    def encode(self, text: str) -> tuple[int, ...]:
        """The tokens of a word, which keeps no space before it unless the text has one."""
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def words(self, text: str) -> list[str]:
        """The words of a transcript."""
        form = _form([cue for cue in self.cues if " " in cue])
        return [word for match in form.finditer(_plain(text)) if (word := match[0]) not in TAGS and not match[1]]

    def entries(self, pieces: Iterable[Text | None], frames_per_second: float) -> Iterator[Entry | None]:
        """The entries of a text that comes in pieces; None where a piece is None."""
        reader = _Reader(self, frames_per_second)
        for piece in pieces:
            if piece is None:
                yield None
            else:
                yield from reader.read(piece.text, piece.turn)
        yield from reader.end()


class _Reader:
    """Reads one script, and keeps what the end of a piece leaves open: half a word, or a tag without its word."""

    def __init__(self, vocabulary: Vocabulary, frames_per_second: float) -> None:
        self._vocabulary = vocabulary
        self._rate = frames_per_second
        self._form = _form([cue for cue in vocabulary.cues if " " in cue])
        self._rest = ""
        self._turn = 0  # of the rest
        self._tag = ""
        self._is_first = True

    def read(self, text: str, turn: int) -> list[Entry]:
        """The entries that are whole with this piece."""
        text = self._rest + _plain(text)
        end = _whole(text)
        whole, before, earlier = text[:end], len(self._rest), self._turn
        self._rest, self._turn = text[end:], earlier if end < before else turn
        found = ((match, earlier if match.start() < before else turn) for match in self._form.finditer(whole))
        return [entry for match, of in found if (entry := self._entry(match, of))]

    def end(self) -> list[Entry]:
        """The entries that are whole because nothing more comes."""
        rest, self._rest = self._rest, ""
        return [entry for match in self._form.finditer(rest) if (entry := self._entry(match, self._turn))]

    def _entry(self, found: re.Match[str], turn: int) -> Entry | None:
        word = found[0]
        if found[1]:
            pause = round(float(found[1]) * self._rate)
            return Entry((), "", pause, turn) if pause else None
        if word in TAGS:
            self._tag = word
            return None
        tokens = self._vocabulary.encode(f"{self._tag} {word}" if self._tag else word)
        begins = (self._vocabulary.first_speaker,)  # whoever speaks first, as in the reference implementation
        if self._is_first and tokens[:1] != begins:
            tokens = begins + tokens
        self._tag, self._is_first = "", False
        return Entry(tokens, word, len(tokens), turn)


def _plain(text: str) -> str:
    """The characters that the model was trained on: no curly apostrophe, no colon."""
    return text.replace("’", "'").replace(":", " ")


def _form(cues: list[str]) -> re.Pattern[str]:
    """What stands in a script: a pause (group 1: its seconds), or a word. A cue of two words is one word."""
    pause = r'<break\s+time="{}[0-9]+(?:\.[0-9]*)?)s"\s*/?>'
    parts = "|".join((*map(re.escape, cues), f"(?!{pause.format('(?:')})\\S"))
    return re.compile(f"{pause.format('(')}|(?:{parts})+")


def _whole(text: str) -> int:
    """Where the part of the text ends that what comes next cannot change."""
    last = max((match.end() for match in re.finditer(r"\s|<break[^<>]*>", text)), default=0)
    mark = _OPEN.search(text)
    return min(last, mark.start()) if mark else last
