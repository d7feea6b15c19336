"""Subtitles, SubRip (.srt) and WebVTT (.vtt): what is said, by whom where that is written, and the gaps if asked."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from studio import cues
from studio.errors import ScriptError
from studio.formats.reading import Reading
from studio.script import FIRST_SPEAKER, MAX_PAUSE_SECONDS, Script, clean, speaker_id

_STAMP = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMING = re.compile(rf"\s*{_STAMP}\s*-->\s*{_STAMP}")
_COMMENT = re.compile(r"(?:NOTE|STYLE|REGION)\b")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]+)>")
_MARKUP = re.compile(r"</?(?:v|i|b|u|s|c|font|lang|ruby|rt)\b[^<>]*>|<[\d:.]+>|\{\\[^{}]*\}|[♪♫]")
_SOUND = re.compile(r"\[(?![Ss][0-9]{1,3}\])[^\[\]]*\]|^\s*\([^()]*\)\s*$")  # [door creaks], for those who do not hear
_DASH = re.compile(r"\s*[-–—‐]\s*(?=\D)")
_NAME = re.compile(r"\s*([^\W\d_][^:：]{0,39}?) ?[:：](?=\s|$)")
_NOT_NAMES = frozenset(("note", "warning"))
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*$")
_LONG = 300  # characters; captions without full stops do not become one endless turn


@dataclass(frozen=True)
class _Subtitle:
    """What one speaker says, in one subtitle or several. start, end: seconds. speaker: "" when not written."""

    start: float
    end: float
    text: str
    speaker: str = ""


def is_subtitles(text: str) -> bool:
    """Whether a text of unknown kind is one of the two."""
    beginning = text.lstrip("\ufeff \r\n")[:1000]
    return beginning.startswith("WEBVTT") or any(map(_TIMING.match, beginning.splitlines()[:3]))


def read(text: str, cast: Iterable[str] = (), keep_gaps: bool = False) -> Reading:
    """The script in subtitles, by their times. A turn is a sentence or several subtitles that make one.

    Speakers are `<v Anna>`, "ANNA:" in capitals, "Anna:" when in the cast or there twice, and dashes in one subtitle,
    which S1 and S2 take in turn. keep_gaps: silence before, between and after subtitles becomes exact pauses, 60 s at
    most. Raises ScriptError when a time cannot be read or nothing is said.
    """
    found = sorted(_subtitles(text), key=lambda subtitle: subtitle.start)
    if not found:
        raise ScriptError("There is no subtitle in this text.", "Each has a line like 00:00:01,000 --> 00:00:02,500.")
    left_out: list[str] = []
    names = _Names([subtitle.text for subtitle in found], cast)
    turns = _joined((said for subtitle in found for said in _said(subtitle, names, left_out)), keep_gaps)
    if not turns:
        raise ScriptError("Nothing is said in these subtitles.", "Write at least one line.")
    lines = [f"{_opening(turn.speaker)} {turn.text}" for turn in turns]
    if keep_gaps:
        gaps = [after.start - before.end for before, after in pairwise(turns)]
        pauses = [_pause(gap, left_out) for gap in (turns[0].start, *gaps)]
        lines = [f"{pause}\n{line}" for pause, line in zip(pauses, lines, strict=True)]
    return Reading(Script.parse("\n".join(lines), [turn.speaker for turn in turns]), tuple(left_out))


class _Names:
    """Which names open the words of a subtitle, each in the spelling that came first."""

    def __init__(self, texts: list[str], cast: Iterable[str]) -> None:
        lines = [_DASH.sub("", line, count=1) for text in texts for line in text.splitlines()]
        self._count = Counter(match[1].casefold() for line in lines if (match := _NAME.match(line)))
        self._spelling = {name.casefold(): name for name in map(speaker_id, cast)}
        self._count.update(dict.fromkeys(self._spelling, 2))

    def known(self, name: str) -> str:
        """The speaker, or "" when these words are no name."""
        try:
            return self._spelling.setdefault(name.casefold(), speaker_id(name))
        except ScriptError:
            return ""

    def opening(self, words: str) -> tuple[str, str]:
        """The speaker whom the words name, or "", and the words without the name."""
        match = _NAME.match(words)
        if not match:
            return "", words
        folded = match[1].casefold()
        is_name = self._count[folded] > 1 or (match[1].isupper() and folded not in _NOT_NAMES)
        speaker = self.known(match[1]) if is_name else ""
        return (speaker, words[match.end() :]) if speaker else ("", words)


def _subtitles(text: str) -> Iterator[_Subtitle]:
    """The subtitles as written: names, dashes and markup are still in the text."""
    start, end = -1.0, -1.0
    words: list[str] = []
    commented = False
    for number, line in enumerate([*text.splitlines(), "", "0:00.0 --> 0:00.0"], 1):
        if "-->" in line:
            timing = _TIMING.match(line)
            if not timing:
                raise ScriptError(f"Line {number}: this time cannot be read.", "Write 00:00:01,000 --> 00:00:02,500.")
            if words and (words[-1].isdecimal() or words[-2:-1] == [""]):
                words.pop()  # the number or the name of the subtitle that begins here
            if start >= 0 and any(words):
                yield _Subtitle(start, end, "\n".join(filter(None, words)))
            start, end, words = _seconds(timing.groups()[:4]), _seconds(timing.groups()[4:]), []
            continue
        commented = bool(line.strip()) and (commented or (words[-1:] == [""] and bool(_COMMENT.match(line))))
        if not commented:
            words.append(line.strip())


def _seconds(stamp: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in stamp)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _said(subtitle: _Subtitle, names: _Names, left_out: list[str]) -> Iterator[_Subtitle]:
    """What each speaker says in one subtitle, line by line."""
    lines = subtitle.text.splitlines()
    is_dialogue = sum(map(bool, map(_DASH.match, lines))) > 1
    dashes = 0
    for line in lines:
        speaker = ""
        if is_dialogue and _DASH.match(line):
            speaker = f"S{dashes % 2 + 1}"
            dashes += 1
        first, *voices = _VOICE.split(_DASH.sub("", line, count=1))
        for voice, words in (("", first), *zip(voices[::2], voices[1::2], strict=True)):
            said = html.unescape(_MARKUP.sub("", words))
            named, said = names.opening(_SOUND.sub(lambda sound: _sound(sound[0].strip(), left_out), said))
            voice = names.known(re.sub(r"\([^()]*\)", "", voice)) if voice else ""
            yield replace(subtitle, text=clean(said), speaker=named or voice or speaker)


def _sound(written: str, left_out: list[str]) -> str:
    """A sound that is described: as a cue where it is one, else nothing, and told."""
    known = cues.find(written) or cues.variants(written)
    if not known:
        left_out.append(written)
    return known[0].canonical if known else ""


def _joined(said: Iterable[_Subtitle], keep_gaps: bool) -> list[_Subtitle]:
    """Turns: who is not named goes on speaking, and a sentence goes on to its end."""
    turns: list[_Subtitle] = []
    speaker = FIRST_SPEAKER
    for part in said:
        speaker = part.speaker or speaker
        if not part.text:
            continue
        last = turns[-1] if turns else None
        goes_on = last and last.speaker == speaker and not _SENTENCE_END.search(last.text) and len(last.text) < _LONG
        if last and goes_on and not (keep_gaps and part.start > last.end):
            turns[-1] = replace(last, text=f"{last.text} {part.text}", end=max(last.end, part.end))
        else:
            turns.append(replace(part, speaker=speaker))
    return turns


def _opening(speaker: str) -> str:
    return f"[{speaker}]" if re.fullmatch(r"S[0-9]{1,3}", speaker) else f"{speaker}:"


def _pause(seconds: float, left_out: list[str]) -> str:
    if seconds > MAX_PAUSE_SECONDS:
        left_out.append(f"{seconds - MAX_PAUSE_SECONDS:.1f} s of silence")
    return f"[pause {min(seconds, MAX_PAUSE_SECONDS):.3f}s]" if seconds > 0 else ""
