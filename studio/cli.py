"""The command line: reads words, calls `Studio`, shows what it says. Knows nothing of how speech is made.

Exit codes: 0 done, 1 something the user can mend (message and remedy on stderr), 2 wrong usage, 130 stopped by Ctrl-C.
What a program may want (tables, JSON, sound for `-o -`) goes to stdout; progress and messages go to stderr.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio import __version__
from studio.errors import OutputError, StudioError

if TYPE_CHECKING:
    from studio.studio import Studio

MENDABLE, STOPPED = 1, 130
FORMATS = ("wav", "flac", "mp3", "m4a", "opus", "ogg")  # soundfiles.FORMATS, which would load libraries
APP = Path(__file__).parents[1] / "app.py"


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Raises SystemExit(2) for words that cannot be understood."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a letter that the terminal cannot show is no reason to fail
    options = _parser().parse_args(words)
    try:
        return int(options.command(options) or 0)
    except StudioError as error:
        _fail(error, options.json)
        return STOPPED if error.code == "stopped" else MENDABLE
    except KeyboardInterrupt:
        tell("stopped")
        return STOPPED
    except BrokenPipeError:  # the reader of our output has left, as in `... | head`
        no_output(BrokenPipeError())
        return MENDABLE


class Stopped(StudioError):
    """Ctrl-C in long work; what was finished is kept."""

    code = "stopped"


def tell(message: str) -> None:
    """One line for the person at the terminal."""
    print(message, file=sys.stderr, flush=True)


def put(text: str) -> None:
    """What was asked for, on standard output. Raises OutputError when it takes no more."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise no_output(error) from error


def put_json(value: Any) -> None:
    """The one JSON document of a command. ASCII only, so that no console code page can spoil it."""
    put(json.dumps(value, indent=1, allow_nan=False))


def no_output(error: OSError) -> OutputError:
    """The error for a person when standard output fails; from here on it swallows what is still to be flushed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OutputError(f"Standard output cannot be written: {error.strerror}.", "Send it to another place.")


@contextmanager
def opened() -> Iterator[Studio]:
    """The studio that the environment describes, closed at the end. Raises RequestError for a bad setting."""
    from studio.settings import Settings
    from studio.studio import Studio

    studio = Studio(Settings.from_environment())
    try:
        yield studio
    finally:
        studio.close()


def _parser() -> argparse.ArgumentParser:
    from studio import measuring, roster

    parser = argparse.ArgumentParser(
        prog="python -m studio",
        description="Dialogue Studio: write a script, cast the voices, hear it.",
        epilog="Begin with: python -m studio say assets/samples/radio-scene.txt",
    )
    parser.add_argument("--version", action="version", version=f"Dialogue Studio {__version__}")
    parser.set_defaults(command=lambda options: parser.print_help(), json=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, function: Any, purpose: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=purpose, description=purpose)
        sub.set_defaults(command=function, fail=sub.error)
        if function is not _serve:
            sub.add_argument("--json", action="store_true", help="print one JSON document, for an error too")
        return sub

    _add_say(command("say", _say, "Speak a script into a sound file."))
    engines = command("engines", _engines, "List the engines, and what is in the way of one.")
    engines.add_argument("--markdown", action="store_true", help="print the table of the README")
    _add_trials(command)
    roster.add_arguments(command("voices", roster.voices, "List voices; keep and change recorded ones."))
    runs = command("runs", _runs, "List what was spoken last, stopped and killed runs too.")
    runs.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default: 20)")
    inspect = command("inspect", _inspect, "Tell whether a sound file carries the mark, and which run it was.")
    inspect.add_argument("file", type=Path, metavar="FILE", help="WAV, FLAC, MP3, M4A, Opus or OGG")
    doctor = command("doctor", _doctor, "Tell what this machine has, what can run, and why something cannot.")
    doctor.add_argument(
        "--bundle", type=Path, metavar="ZIP", help="write what helps a report of a fault, without texts"
    )
    doctor.add_argument("--log", type=Path, metavar="FILE", help="with --bundle: where the studio's log was sent to")
    _add_models(command("models", _models, "List, fetch, check and delete the files that engines need."))
    measuring.add_arguments(command("bench", measuring.bench, measuring.PURPOSE))
    command("serve", _serve, "Start the page, as `python app.py` does.")
    return parser


def _add_trials(command: Callable[[str, Any, str], argparse.ArgumentParser]) -> None:
    compare = command("compare", _compare, "Speak a script by several engines and seeds, and measure them.")
    compare.add_argument("script", metavar="FILE", help="the script, or - for standard input")
    compare.add_argument("--engines", required=True, metavar="A,B", help="ids of engines, with commas between them")
    compare.add_argument(
        "--seeds", default="1", metavar="N", help="how many takes of each, or the seeds themselves: 3, or 0,7,12"
    )
    compare.add_argument(
        "--sweep", metavar="NAME=A,B", help="each once for every value of a setting, as in temperature=0.7,1.0"
    )
    compare.add_argument(
        "--voice", action="append", default=[], type=_pair, metavar="S1=NAME", help="a speaker's voice; repeat it"
    )
    compare.add_argument("--precision", default="", metavar="NAME", help="of the engines' weights: exact or int8")
    compare.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where the sounds go")
    votes = command("votes", _votes, "Tell what blind votes say; export and import them.")
    votes.add_argument(
        "action",
        nargs="?",
        choices=["table", "export", "import"],
        default="table",
        metavar="ACTION",
        help="table (the default), export or import",
    )
    votes.add_argument("file", nargs="?", type=Path, metavar="FILE", help="of votes, .json or .csv")
    votes.add_argument("--by", choices=["entry", "system", "engine"], default="system", help="what is ranked")
    votes.add_argument("--comparison", default="", metavar="ID", help="only votes of this comparison")
    votes.add_argument("--listener", default="", metavar="NAME", help="only votes of this listener")
    votes.add_argument(
        "--tag", choices=["voice", "rhythm", "words", "artefacts", "emotion"], help="only votes for this reason"
    )


def _add_models(models: argparse.ArgumentParser) -> None:
    models.add_argument(
        "action",
        nargs="?",
        choices=["list", "download", "check", "prepare", "delete"],
        default="list",
        metavar="ACTION",
        help="list (the default), download, check, delete, or prepare: write a copy that loads in about a second",
    )
    models.add_argument("engine", nargs="?", metavar="ENGINE", help="of this engine; check without it checks all")
    models.add_argument("--yes", action="store_true", help="delete without asking")
    models.add_argument("--copy", action="store_true", help="delete only the copy that `prepare` wrote")
    models.add_argument("--mend", action="store_true", help="after a check, fetch anew what is wrong")


def _add_say(say: argparse.ArgumentParser) -> None:
    say.add_argument("script", metavar="FILE", help="the script (.txt .md .srt .vtt .json), or - for standard input")
    say.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="the sound file; its ending says the format; - is standard output. Not given: the script's name in "
        "this folder, and never over a file that is there",
    )
    say.add_argument("--engine", metavar="ID", help="who speaks (default: the first that can run here)")
    say.add_argument(
        "--voice",
        action="append",
        default=[],
        type=_pair,
        metavar="S1=heart",
        help="a speaker's voice, by id or the name of a recorded one; repeat it",
    )
    say.add_argument("--seed", type=int, default=0, metavar="N", help="another number, another take (default: 0)")
    say.add_argument(
        "--set", action="append", default=[], type=_number, metavar="NAME=VALUE", help="a setting of the engine"
    )
    say.add_argument(
        "--precision",
        metavar="NAME",
        help="of the engine's weights: exact, or int8, which on a CPU takes half the memory and a third of the time",
    )
    say.add_argument("--format", choices=FORMATS, help="if OUT does not say it (default: wav)")
    say.add_argument(
        "--live",
        action="store_true",
        help="with FILE -: speak while standard input is still being written; "
        "its speakers are those with a --voice, else S1 and S2",
    )
    say.add_argument("--fresh", action="store_true", help="speak everything again, even what is kept from before")


def _pair(word: str) -> tuple[str, str]:
    name, sign, value = word.partition("=")
    if not (sign and name.strip() and value.strip()):
        raise argparse.ArgumentTypeError(f"{word!r} is not of the form name=value")
    return name.strip(), value.strip()


def _number(word: str) -> tuple[str, float]:
    name, value = _pair(word)
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number") from None


def _say(options: argparse.Namespace) -> None:
    from studio.say import say

    say(options)


def _compare(options: argparse.Namespace) -> int:
    from studio import compare

    return compare.run(options)


def _votes(options: argparse.Namespace) -> None:
    from studio import ballots

    ballots.run(options)


def _engines(options: argparse.Namespace) -> None:
    from studio import listings

    with opened() as studio:
        rows = studio.engines()
    if options.markdown:
        put(listings.engines_overview(row.spec for row in rows).markdown())
    elif options.json:
        put_json([listings.engine_values(row) for row in rows])
    else:
        put(str(listings.engines_table(rows)))


def _runs(options: argparse.Namespace) -> None:
    from studio import listings

    with opened() as studio:
        runs = studio.recent(max(0, options.limit))
    if options.json:
        put_json([listings.run_values(run) for run in runs])
    elif runs:
        put(str(listings.runs_table(runs)))
    else:
        tell("Nothing has been spoken yet.")


def _inspect(options: argparse.Namespace) -> None:
    with opened() as studio:
        found = studio.inspect(options.file)
    if options.json:
        put_json(found.values())
    else:
        for heading, text in found.lines():
            put(f"{heading:<8}{text}".rstrip())


def _doctor(options: argparse.Namespace) -> int:
    from studio import doctor

    if options.log and not options.bundle:
        options.fail("--log goes into a --bundle")
    if options.bundle:
        return _bundle(options)
    with opened() as studio:
        findings = doctor.examine(studio)
    if options.json:
        put_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            put(f"{finding.state:<6}{finding.name:<16}{finding.text}")
            if finding.remedy:
                put(f"{'':22}-> {finding.remedy}")
    return MENDABLE if any(finding.state == "mend" for finding in findings) else 0


def _bundle(options: argparse.Namespace) -> int:
    from studio import bundle

    with opened() as studio:
        bundle.write(studio, options.bundle, options.log)
    if options.json:
        put_json({"bundle": str(options.bundle)})
    else:
        tell(f"{options.bundle} is written. It holds no scripts, names or keys; look through it before you send it.")
    return 0


def _models(options: argparse.Namespace) -> int:
    from studio.shelf import shelf

    return shelf(options)


def _serve(options: argparse.Namespace) -> None:
    runpy.run_path(str(APP), run_name="__main__")


def _fail(error: StudioError, as_json: bool) -> None:
    if as_json:
        put_json({"error": {"code": error.code, "message": error.message, "remedy": error.remedy}})
    tell(f"{error.message}\n{error.remedy}".strip())
