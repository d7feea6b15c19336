"""A comparison as one HTML file that plays in step and asks nobody for anything. Knows what is told, no comparison.

The player and the spectrograms are those of the studio's own page.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from studio import soundfiles

HERE = Path(__file__).parent
STATIC = HERE.parent / "ui" / "static"  # files, no code of that floor
SCRIPTS = (STATIC / "compare_player.js", STATIC / "compare_spectrum.js", HERE / "page.js")
MOST_LOSSLESS_SECONDS = 900.0  # of all sounds: FLAC, about 1.5 MB a minute; longer ones are MP3
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
Json = Mapping[str, Any]


def as_html(told: Json, sounds: Mapping[str, Path]) -> str:
    """The page. told: as `manifest` tells it. sounds: name of the file -> where it is. Raises AudioError."""
    form = "flac" if sum(one["seconds"] for one in told["entries"]) <= MOST_LOSSLESS_SECONDS else "mp3"
    ready = [entry for entry in told["entries"] if entry["sound"] in sounds]
    heard = [{"gain": one["gain"], "turns": one["timings"]} for one in ready]
    parts = [
        f"<h1>{escape(told['name'])}</h1>",
        f'<p class="soft">One script, {len(told["entries"])} entries, {escape(told["created"])}. Played equally loud, '
        f"at {told['matched_lufs']:g} LUFS; each entry tells its own level. Sound is {form.upper()}. Made by machines, "
        f"with Dialogue Studio {escape(told['studio'])}.</p>",
        _TRANSPORT,
        f"<ol>{''.join(map(_entry, told['entries']))}</ol>",
        '<p class="soft">Keys: 1 to 8 change what is heard, space plays, arrows move by 2 s, L repeats the turn.</p>',
        f"<h2>Turns</h2><ol class='turns'>{_turns(told['script'])}</ol>",
        *(f'<script type="text/plain" class="sound">{_base64(sounds[one["sound"]], form)}</script>' for one in ready),
        f'<script type="application/json" id="told">{_json({"entries": heard, "all": told})}</script>',
        f"<script>{''.join(path.read_text(encoding='utf-8') for path in SCRIPTS)}</script>",
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>{escape(told["name"])}</title>'
        f"<style>{(HERE / 'page.css').read_text(encoding='utf-8')}</style>"
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{"".join(parts)}</main></body></html>\n'


_TRANSPORT = """<div class="transport"><button class="play" disabled>Play</button>
<input class="seek" type="range" min="0" max="1000" value="0" aria-label="Position"><span class="time">…</span>
<button class="loop" aria-pressed="false">Repeat the turn</button></div>"""


def _json(value: Any) -> str:
    """As JSON that ends no script element."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def _base64(sound: Path, form: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / f"sound.{form}"
        soundfiles.convert(sound, written, form)
        return base64.b64encode(written.read_bytes()).decode()


def _entry(entry: Json) -> str:
    number, label = entry["number"], escape(entry["label"])
    if not entry["sound"]:
        why = " ".join(filter(None, (entry["state"] + ".", entry["reason"], entry["remedy"])))
        return f'<li><strong>{label}</strong><p class="failed">{escape(why)}</p></li>'
    star = " ★" if entry["favourite"] else ""
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{text}</dd>" for name, text in _facts(entry))
    return (
        f'<li class="entry"><button class="choose" aria-pressed="false"><kbd></kbd> <span>{label}{star}</span></button>'
        f'<div class="picture"><div class="line"></div></div><dl>{lines}</dl>{_heard(entry["measures"])}'
        f'<p class="soft">Entry {number}: {escape(_settings(entry))}</p></li>'
    )


def _settings(entry: Json) -> str:
    voices = [f"{speaker} {voice}" for speaker, voice in entry["voices_used"].items()]
    values = [f"{name} {value:g}" for name, value in entry["sampling"].items()]
    return ", ".join([entry["engine"], entry["precision_used"], f"seed {entry['seed']}", *voices, *values])


def _facts(entry: Json) -> list[tuple[str, str]]:
    """What is shown of an entry, as HTML; what was not measured says why."""
    measures, lufs, rtf = entry["measures"], entry["loudness_lufs"], entry["rtf"]
    memory = measures.get("memory", {"missing": "an earlier version spoke it"})
    used = f"{memory['gpu_gb']} GB on the card" if "gpu_gb" in memory else f"{memory.get('process_gb')} GB"
    facts = [
        ("Length", f"{entry['seconds']:.1f} s"),
        ("Work", "–" if rtf is None else f"{rtf:.3f} s for a second of sound"),
        ("Peak memory", _or_why(memory, used)),
        ("Loudness", "silent" if lufs is None else f"{lufs:.1f} LUFS"),
    ]
    if words := measures.get("words"):
        facts.append(("Wrong words", _or_why(words, f"{100 * words.get('wer', 0):.1f} %")))
    for name, title in (("mos", "Sound (DNSMOS)"), ("distillmos", "Sound (DistillMOS)")):
        if found := measures.get(name):
            facts.append((title, _or_why(found, f"{found.get('value', 0):.2f} of 5")))
    if likeness := measures.get("likeness"):
        each = (f"{who} {one.get('value', one.get('missing'))}" for who, one in likeness.get("speakers", {}).items())
        facts.append(("Likeness", _or_why(likeness, escape(", ".join(each)))))
    return facts


def _or_why(found: Json, text: str) -> str:
    return f'<span class="soft">not measured: {escape(found["missing"])}</span>' if "missing" in found else text


def _heard(measures: Json) -> str:
    words = measures.get("words", {})
    if "pairs" not in words:
        return ""
    told = []
    for said, heard in words["pairs"]:
        wrong = (f"<del>{escape(said)}</del>" if said else "") + (f" <ins>{escape(heard)}</ins>" if heard else "")
        told.append(escape(said) if said == heard else wrong)
    model = escape(words["model"])
    return f"<details><summary>What {model} heard</summary><p>{' '.join(told)}</p></details>"


def _turns(script: Json) -> str:
    return "".join(
        f'<li><button class="turn" data-turn="{at}"><strong>{escape(turn["speaker"])}</strong> '
        f"{escape(turn['text'])}</button></li>"
        for at, turn in enumerate(script["turns"])
    )
