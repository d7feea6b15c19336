"""Cues: sounds that are not words, written `(laughs)`. Knows how people spell them, not which engine performs them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

# Each cue by its usual name, with its other spellings. The first 21 are those of Dia, spelt as Dia was trained on them:
# https://github.com/nari-labs/dia (README, "Non-verbals").
_SPELLINGS = {
    "laughs": "laugh, laughing, laughter",
    "clears throat": "clear throat, clearing throat, throat clearing, clears his throat, clears her throat",
    "sighs": "sigh, sighing",
    "gasps": "gasp, gasping",
    "coughs": "cough, coughing",
    "singing": "",
    "sings": "sing",
    "mumbles": "mumble, mumbling, mutters, muttering",
    "beep": "beeps, bleep",
    "groans": "groan, groaning",
    "sniffs": "sniff, sniffing, sniffle, sniffles",
    "claps": "clap, clapping",
    "screams": "scream, screaming",
    "inhales": "inhale, inhaling, breathes in",
    "exhales": "exhale, exhaling, breathes out",
    "applause": "",
    "burps": "burp, burping",
    "humming": "hum, hums",
    "sneezes": "sneeze, sneezing",
    "chuckle": "chuckles, chuckling",
    "whistles": "whistle, whistling",
    "giggles": "giggle, giggling",
    "snickers": "snicker, snickering, sniggers",
    "whispers": "whisper, whispering",
    "shouts": "shout, shouting, yells, yelling",
    "cries": "cry, crying, weeps, weeping",
    "sobs": "sob, sobbing",
    "yawns": "yawn, yawning",
    "snorts": "snort, snorting",
    "snores": "snore, snoring",
    "grunts": "grunt, grunting",
    "moans": "moan, moaning",
    "gulps": "gulp, gulping",
    "hiccups": "hiccup, hiccuping",
    "pants": "panting",
    "breathes": "breath, breathing, deep breath, takes a deep breath",
    "cheers": "cheering",
    "pause": "pauses, long pause, short pause, beat, silence",
    "music": "",
}
KNOWN = {name: name for name in _SPELLINGS} | {
    spelling: name for name, others in _SPELLINGS.items() for spelling in others.split(", ") if spelling
}

_INNER = r"([^()\[\]<>*]{1,40})"
_FORMS = re.compile(rf"\({_INNER}\)|\[{_INNER}\]|<{_INNER}>|\*{{1,3}}(?! ){_INNER}\*{{1,3}}")
_MANNER = re.compile(r"\b[a-z]+ly\b")  # (sighs heavily) is a sigh
_SUBJECTS = frozenset(("he", "she", "it", "who", "that", "which", "one", "nobody", "everybody", "everyone", "someone"))
_STOPS = ",.;:!?…"
MOST_NESTED = 8  # cues within cues; deeper ones are no writing, and lose their brackets
_NO_BRACKETS = str.maketrans("", "", "()[]<>*")


@dataclass(frozen=True)
class Cue:
    """A cue in a text. start, end: where, as a slice. text: as written. name: the usual name, without brackets."""

    start: int
    end: int
    text: str
    name: str

    @property
    def canonical(self) -> str:
        """The usual spelling, such as "(laughs)"."""
        return f"({self.name})"


def find(text: str, extra: Collection[str] = ()) -> list[Cue]:
    """The cues in round brackets, in order; other words in round brackets are prose.

    extra: cues to know besides the common ones, with brackets, such as those an engine performs.
    """
    return [cue for cue in _cues(text, extra) if cue.text.startswith("(")]


def variants(text: str, extra: Collection[str] = ()) -> list[Cue]:
    """The cues written `[laughs]`, `<laugh>` or `*laughs*`, in order; `canonical` is the spelling to offer.

    A word between asterisks may be stress instead: "he *sings* well" and "don't *shout*" have no cue.
    """
    return [cue for cue in _cues(text, extra) if not cue.text.startswith("(")]


def normalise_cues(text: str) -> str:
    """The text with every cue in its usual spelling: "*Laughing*" becomes "(laughs)"."""
    pieces, start = [], 0
    for cue in _cues(text):
        pieces += [text[start : cue.start], cue.canonical]
        start = cue.end
    return "".join([*pieces, text[start:]])


def without(text: str, allowed: Collection[str]) -> str:
    """The text with only the cues an engine performs, spelt as it knows them; where others stood, it is tidied.

    allowed: with brackets, as in `EngineSpec.cues`. A cue in another spelling counts: where "(laughs)" is allowed
    "*laughing*" becomes "(laughs)", elsewhere it goes.
    """
    for _ in range(MOST_NESTED):
        less = _once_without(text, allowed)
        if less == text or not _FORMS.search(less):
            return less
        text = less  # what stood around a cue may be one now that it is gone, as in "((sighs) sighs)"
    return text.translate(_NO_BRACKETS)


def _once_without(text: str, allowed: Collection[str]) -> str:
    performed = {_name(cue[1:-1], allowed): cue for cue in allowed}
    pieces, piece, start = [], "", 0
    for cue in _cues(text, allowed):
        piece += text[start : cue.start]
        start = cue.end
        if cue.name in performed:
            piece += cue.text if cue.text in allowed else performed[cue.name]
        else:
            pieces.append(piece)
            piece = ""
    return _joined([*pieces, piece + text[start:]]) if pieces else piece + text[start:]


def has_words(text: str) -> bool:
    """Whether a letter or a digit is left when the cues are taken away."""
    return any(map(str.isalnum, without(text, ())))


def _cues(text: str, extra: Collection[str] = ()) -> Iterator[Cue]:
    for form in _FORMS.finditer(text):
        name = _name(form[form.lastindex or 0], extra)
        if name and not (form[0].startswith("*") and _is_stress(text, form.start(), form[0].strip("*"))):
            yield Cue(form.start(), form.end(), form[0], name)


def _name(inner: str, extra: Collection[str]) -> str:
    """The usual name of a cue from what stands between its brackets; empty when it is no cue."""
    words = " ".join(inner.casefold().split()).strip(" .,!?…/")
    plain = " ".join(_MANNER.sub("", words).split())
    return KNOWN.get(words) or (words if f"({words})" in extra else KNOWN.get(plain, ""))


def _is_stress(text: str, at: int, inner: str) -> bool:
    """Whether a word between asterisks is said: in "she *sings*" and "don't *shout*", not in "so *sighs* yes"."""
    before = text[max(0, at - 40) : at].split()
    if " " in inner or not before or not (before[-1][-1].isalnum() or before[-1][-1] == ","):
        return False
    return before[-1].casefold() in _SUBJECTS or inner.casefold() not in _SPELLINGS or inner[-1:] != "s"


def _joined(pieces: list[str]) -> str:
    """One text from pieces between which a cue stood: one space at most, and no comma after a comma."""
    out = [pieces[0].rstrip()]
    last = out[0][-1:]
    for piece in pieces[1:]:
        piece = piece.strip()
        if not last or last in _STOPS or last in "—–-":
            piece = piece.lstrip(_STOPS + " ")
        if piece:
            glued = not last or piece[0] in _STOPS or piece[0] in ")”’" or last in "(“‘"
            out.append(piece if glued else f" {piece}")
            last = piece[-1]
    return "".join(out)
