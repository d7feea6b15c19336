"""A benchmark as one HTML file that plays its sounds and asks nobody for anything. Knows what is said, no measuring."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path

from studio import soundfiles
from studio.benchmark import published
from studio.benchmark.bench import Benchmarks
from studio.benchmark.figures import plots
from studio.benchmark.measures import ALL, BY_NAME, shown
from studio.benchmark.store import Bench, Row
from studio.benchmark.summary import Summary, summaries, warnings
from studio.benchmark.writing import cell, machine_line
from studio.errors import AudioError, OutputError

MOST_SOUNDS_BYTES = 40_000_000  # of all sounds in a report; the first repetitions come first
COLUMNS = ("rtf", "first_sound_s", "wer", "similarity", "mos", "longest_silence_s")
STYLE = """
:root { color-scheme: light dark; --ink: #28231d; --soft: #665d50; --paper: #fffdf9; --line: #d8cfbe; --other: #8a8174 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ece5d8; --soft: #aca293; --paper: #1e1a16; --line: #4a4239; --other: #9a9184 }
}
body { margin: 0 auto; max-width: 1000px; padding: 24px 16px 60px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif }
h1, h2 { font-family: Georgia, serif; font-weight: 400 } .soft, small { color: var(--soft) }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: 14px }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
.missing { color: var(--soft) } .failed { color: #a32a1c } audio { width: 210px; height: 32px }
.plot { width: 100%; max-width: 760px; height: auto } .plot text { fill: var(--ink); font-size: 12px }
.plot text.grid, .plot text.mark { fill: var(--soft); font-size: 11px }
.plot path { stroke: var(--line); fill: none } .plot path.mark { stroke: #b0421a; stroke-dasharray: 4 3 }
.plot path.whisker { stroke: var(--ink); stroke-width: 1.5 } .plot .bar { fill: #1f5a9e } .plot .other { fill: none;
  stroke: var(--other); stroke-dasharray: 3 2 }
""" + "".join(
    f'.plot [data-colour="{at}"] {{ fill: {colour} }}\n'
    for at, colour in enumerate(
        ("#3b78c0", "#c9602f", "#4f8a2b", "#9a57a8", "#9c7a1c", "#1d869c", "#c44a7a", "#6d7883")
    )
)


def as_html(benchmarks: Benchmarks, bench: Bench, rows: Sequence[Row]) -> str:
    """The report. Sounds are MP3 in the file itself, as many as MOST_SOUNDS_BYTES hold; it says how many are not."""
    found = summaries(bench, rows)
    title = f"Benchmark: {bench.facts['suite']['title']}"
    sounds, left_out = _sounds(benchmarks, rows)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(bench.id)}, {escape(bench.created)}. {bench.done} of {bench.cells} rows, '
        f"{bench.failed} failed. {escape(machine_line(bench))}.</p>",
        *(f'<p class="failed">Doubtful: {escape(warning)}</p>' for warning in warnings(bench, rows)),
        "<h2>Figures</h2>",
        _table(found),
        "<h2>Plots</h2>",
        '<p class="soft">Filled bars are measured here, with a line from the least to the most. Dashed outlines are '
        "what others have published, on other machines with other scripts.</p>",
        *(
            f'<h3>{escape(plot.title)}</h3>{plot.svg}<p class="soft">{escape(plot.note)}</p>'
            for plot in plots(found, bench.facts["machine"]["device"])
        ),
        "<h2>Rows</h2>",
        f'<p class="soft">{left_out} sounds are not in this file, which would be too large.</p>' if left_out else "",
        _rows(bench, rows, sounds),
        "<h2>Published by others</h2>",
        _published([one.engine for one in found]),
        "<h2>What the measures mean</h2>",
        _definitions(),
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'media-src data:; img-src data:">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{"".join(parts)}</main></body></html>\n'


def _table(found: Sequence[Summary]) -> str:
    heads = "".join(f'<th scope="col">{escape(one.title)}</th>' for one in found)
    lines = []
    for measure in ALL.values():
        cells = ""
        for one in found:
            text = cell(one, measure)
            why = one.missing.get(measure.name, "")
            cells += f"<td>{escape(text)}</td>" if not why else f'<td class="missing">missing: {escape(why)}</td>'
        lines.append(f'<tr><th scope="row">{escape(measure.title)}</th>{cells}</tr>')
    return f'<div class="wide"><table><tr><th></th>{heads}</tr>{"".join(lines)}</table></div>'


def _rows(bench: Bench, rows: Sequence[Row], sounds: dict[str, str]) -> str:
    heads = ("Engine", "Script", "Seed", "No.", *(BY_NAME[name].title for name in COLUMNS), "Sound")
    lines, told = [], set[str]()
    for row in rows:
        cells = [row.engine, row.item, str(row.seed), str(row.repeat + 1)]
        cells += [shown(BY_NAME[name], row.values[name]) if name in row.values else "" for name in COLUMNS]
        sound = ""
        if row.run in sounds and row.run not in told:
            told.add(row.run)
            sound = f'<audio controls preload="none" src="{sounds[row.run]}"></audio>'
        elif row.run in told:
            sound = '<span class="soft">the same as before</span>'
        if row.error:
            sound = f'<span class="failed">{escape(row.error)}</span>'
        lines.append(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in cells)}<td>{sound}</td></tr>")
    named = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return f'<div class="wide"><table><tr>{named}</tr>{"".join(lines)}</table></div>'


def _sounds(benchmarks: Benchmarks, rows: Sequence[Row]) -> tuple[dict[str, str], int]:
    """Run -> its sound as a data address, and how many did not fit or could not be read."""
    found: dict[str, str] = {}
    used, left_out = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for row in rows:
            path = benchmarks.sound(row)
            if path is None or row.run in found:
                continue
            data = _mp3(path, Path(folder) / "sound.mp3") if used < MOST_SOUNDS_BYTES else b""
            used += len(data)
            if data:
                found[row.run] = f"data:audio/mpeg;base64,{base64.b64encode(data).decode()}"
            else:
                left_out += 1
    return found, left_out


def _mp3(path: Path, target: Path) -> bytes:
    try:
        soundfiles.convert(path, target, "mp3")
    except (AudioError, OutputError):
        return b""
    return target.read_bytes()


def _published(engines: Sequence[str]) -> str:
    lines = []
    for engine in engines:
        for one in published.of(engine):
            values = one.values
            texts = (one.system, one.title, one.published, one.hardware, values["date"], values["checked"], one.caveat)
            source = f"<td>{escape(one.source)}<br><small>{escape(one.address)}</small></td>"
            lines.append(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in texts)}{source}</tr>")
    if not lines:
        return '<p class="soft">None is known of these engines.</p>'
    names = ("System", "Measure", "As published", "Hardware", "Date", "Checked", "Keep in mind", "Source")
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    return f'<div class="wide"><table><tr>{heads}</tr>{"".join(lines)}</table></div>'


def _definitions() -> str:
    lines = (
        f"<dt>{escape(measure.title)}{f' ({escape(measure.unit)})' if measure.unit else ''}</dt>"
        f'<dd class="soft">{escape(measure.definition)}</dd>'
        for measure in ALL.values()
    )
    return f"<dl>{''.join(lines)}</dl>"
