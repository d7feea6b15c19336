"""The command line: reads words, calls `Studio`, shows what it says. Knows nothing of how speech is made.

Exit codes: 0 done, 1 something the user can mend (message and remedy on stderr), 2 wrong usage, 130 stopped by Ctrl-C.
What a program may want (tables, JSON, sound for `-o -`) goes to stdout; progress and messages go to stderr.
A command's code is loaded when it runs: `--help` is quick.
"""

from __future__ import annotations

import argparse
import importlib
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from studio import __version__
from studio.cli import arguments, bench, voices
from studio.cli.terminal import MENDABLE, STOPPED, fail, no_output, tell
from studio.errors import StudioError


@dataclass(frozen=True)
class Command:
    """One word after `python -m studio`. place: the function that runs it, as "module:name" in this package."""

    purpose: str
    place: str
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None
    json: bool = True

    def run(self, options: argparse.Namespace) -> int | None:
        """Do it; gives the exit code, None for 0. Raises StudioError."""
        module, _, name = self.place.partition(":")
        code: int | None = getattr(importlib.import_module(f"studio.cli.{module}"), name)(options)
        return code


COMMANDS = {
    "say": Command("Speak a script into a sound file.", "say:run", arguments.add_say),
    "render": Command("Speak many scripts, each into its own sound file, once.", "render:run", arguments.add_render),
    "engines": Command("List the engines, and what is in the way of one.", "about:engines", arguments.add_engines),
    "compare": Command(
        "Speak a script by several engines and seeds, and measure them.", "panel:compare", arguments.add_compare
    ),
    "votes": Command("Tell what blind votes say; export and import them.", "votes:run", arguments.add_votes),
    "voices": Command("List voices; keep and change recorded ones.", "voices:run", voices.add_arguments),
    "runs": Command("List what was spoken last, stopped and killed runs too.", "about:runs", arguments.add_runs),
    "inspect": Command(
        "Tell whether a sound file carries the mark, and which run it was.", "about:inspect", arguments.add_inspect
    ),
    "doctor": Command(
        "Tell what this machine has, what can run, and why something cannot.", "about:doctor", arguments.add_doctor
    ),
    "models": Command("List, fetch, check and delete the files that engines need.", "models:run", arguments.add_models),
    "bench": Command(bench.PURPOSE, "bench:run", bench.add_arguments),
    "serve": Command("Start the page, as `python app.py` does.", "about:serve", arguments.add_serve, json=False),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Raises SystemExit(2) for words that cannot be understood."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a letter that the terminal cannot show is no reason to fail
    options = _parser().parse_args(words)
    try:
        return int(options.command(options) or 0)
    except StudioError as error:
        fail(error, options.json)
        return STOPPED if error.code == "stopped" else MENDABLE
    except KeyboardInterrupt:
        tell("stopped")
        return STOPPED
    except BrokenPipeError:  # the reader of our output has left, as in `... | head`
        no_output(BrokenPipeError())
        return MENDABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m studio",
        description="Dialogue Studio: write a script, cast the voices, hear it.",
        epilog="Begin with: python -m studio say assets/samples/radio-scene.txt",
    )
    parser.add_argument("--version", action="version", version=f"Dialogue Studio {__version__}")
    parser.set_defaults(command=lambda options: parser.print_help(), json=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.purpose, description=command.purpose)
        sub.set_defaults(command=command.run, fail=sub.error)
        if command.json:
            sub.add_argument("--json", action="store_true", help="print one JSON document, for an error too")
        command.add_arguments(sub)
    return parser
