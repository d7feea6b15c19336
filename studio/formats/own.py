"""Our JSON: `{"version": 1, "lead_in": 0, "turns": [{"speaker": "S1", "text": "Hi.", "pause_after": null}]}`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from studio.errors import ScriptError, suggest
from studio.script import FIRST_SPEAKER, Script, Turn

VERSION = 1
_SCRIPT_FIELDS = ("version", "turns", "lead_in")
_TURN_FIELDS = ("speaker", "text", "pause_after")
_BEGINNING = re.compile(r"\s*(\{\s*\"|\[\s*\{\s*\")")


def to_json(script: Script) -> str:
    """The script as JSON; `from_json` is the inverse."""
    turns = [{"speaker": turn.speaker, "text": turn.text, "pause_after": turn.pause_after} for turn in script.turns]
    content = {"version": VERSION, "lead_in": script.lead_in, "turns": turns}
    return json.dumps(content, ensure_ascii=False, indent=2)


def from_json(text: str) -> Script:
    """The script in our JSON, or in a bare list of turns. Only `text` is needed of a turn; S1 speaks it then.

    Raises ScriptError, which names the field, for anything else.
    """
    try:
        content = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        where = f" in line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ScriptError(f"This is not JSON: it breaks off{where}.", "Write it again, or use plain text.") from None
    if isinstance(content, list):
        content = {"turns": content}
    fields = _fields(content, "The script", _SCRIPT_FIELDS)
    if fields.get("version", VERSION) != VERSION:
        raise ScriptError(f"The version must be {VERSION}, not {fields['version']!r}.", "A newer studio wrote this.")
    turns = fields.get("turns")
    if not isinstance(turns, list):
        raise ScriptError("'turns' must be a list.", 'Write it like {"turns": [{"speaker": "S1", "text": "Hi."}]}.')
    return Script(
        tuple(_turn(turn, f"turns[{index}]") for index, turn in enumerate(turns)),
        _seconds(fields.get("lead_in", 0.0), "lead_in") or 0.0,
    )


def is_ours(text: str) -> bool:
    """Whether a text of unknown kind is meant to be JSON."""
    return bool(_BEGINNING.match(text.lstrip("\ufeff")))


def _turn(value: object, where: str) -> Turn:
    fields = _fields(value, where, _TURN_FIELDS)
    speaker, text = fields.get("speaker", FIRST_SPEAKER), fields.get("text")
    for name, words in (("speaker", speaker), ("text", text)):
        if not isinstance(words, str):
            raise ScriptError(f"{where}.{name} must be text, not {_shown(words)}.", "Put it in double quotes.")
    pause = _seconds(fields.get("pause_after"), f"{where}.pause_after")
    try:
        return Turn(str(speaker), str(text), pause)
    except ScriptError as error:
        raise ScriptError(f"{where}: {error.message}", error.remedy) from None


def _seconds(value: object, where: str) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise ScriptError(f"{where} must be a number of seconds, not {_shown(value)}.", "Write it like 1.5.")


def _fields(value: object, where: str, known: Sequence[str]) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ScriptError(f"{where} must be an object, not {_shown(value)}.", f"It has the fields {', '.join(known)}.")
    for name in value:
        if name not in known:
            raise ScriptError(f"{where} has a field {name!r}, which a script does not know.", suggest(name, known))
    return value


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)[:40]
