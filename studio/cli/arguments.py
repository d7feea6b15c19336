"""What may follow a command's name: read before the code of the command is loaded."""

from __future__ import annotations

import argparse
from pathlib import Path

FORMATS = ("wav", "flac", "mp3", "m4a", "opus", "ogg")  # soundfiles.FORMATS, which would load libraries


def add_say(say: argparse.ArgumentParser) -> None:
    """The options of `say`."""
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
        type=pair,
        metavar="S1=heart",
        help="a speaker's voice, by id or the name of a recorded one; repeat it",
    )
    say.add_argument("--seed", type=int, default=0, metavar="N", help="another number, another take (default: 0)")
    say.add_argument(
        "--set", action="append", default=[], type=number, metavar="NAME=VALUE", help="a setting of the engine"
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


def add_render(render: argparse.ArgumentParser) -> None:
    """The options of `render`."""
    render.add_argument("scripts", nargs="+", type=Path, metavar="SCRIPT", help="scripts, and folders of scripts")
    render.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FOLDER", help="where the sounds go, named as the scripts"
    )
    render.add_argument("--engine", metavar="ID", help="who speaks (default: the first that can run here)")
    render.add_argument(
        "--voice", action="append", default=[], type=pair, metavar="S1=heart", help="a speaker's voice; repeat it"
    )
    render.add_argument("--seed", type=int, default=0, metavar="N", help="another number, other takes (default: 0)")
    render.add_argument(
        "--set", action="append", default=[], type=number, metavar="NAME=VALUE", help="a setting of the engine"
    )
    render.add_argument("--precision", default="", metavar="NAME", help="of the engine's weights: exact or int8")
    render.add_argument("--format", choices=FORMATS, default="wav", help="of the sounds (default: wav)")
    render.add_argument("--fresh", action="store_true", help="make everything anew, even what is there already")
    render.add_argument(
        "--ray",
        action="store_true",
        help="by Ray: on every core or card of this machine, or of the cluster RAY_ADDRESS",
    )


def add_serve(serve: argparse.ArgumentParser) -> None:
    """The options of `serve`."""
    serve.add_argument(
        "--ray", action="store_true", help="speak in replicas of Ray Serve, one a card, on this machine or RAY_ADDRESS"
    )
    serve.add_argument("--replicas", type=int, default=0, metavar="N", help="with --ray: how many at most")


def add_compare(compare: argparse.ArgumentParser) -> None:
    """The options of `compare`."""
    compare.add_argument(
        "script",
        nargs="*",
        metavar="FILE",
        help="the script, or - for standard input; several, or a folder of them, are heard as one test",
    )
    compare.add_argument("--engines", metavar="A,B", help="ids of engines, with commas between them")
    compare.add_argument(
        "--seeds", default="1", metavar="N", help="how many takes of each, or the seeds themselves: 3, or 0,7,12"
    )
    compare.add_argument(
        "--sweep", metavar="NAME=A,B", help="each once for every value of a setting, as in temperature=0.7,1.0"
    )
    compare.add_argument(
        "--voice", action="append", default=[], type=pair, metavar="S1=NAME", help="a speaker's voice; repeat it"
    )
    compare.add_argument("--precision", default="", metavar="NAME", help="of the engines' weights: exact or int8")
    compare.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="where the sounds go")
    compare.add_argument(
        "--export",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="write all of it to one file: .zip, or .html that plays without a network; repeat it",
    )
    compare.add_argument("--of", metavar="ID", help="with --export: an earlier comparison; nothing is spoken")
    _add_panel(compare)


def _add_panel(compare: argparse.ArgumentParser) -> None:
    group = compare.add_argument_group("listening by a link")
    group.add_argument(
        "--serve-votes",
        nargs="?",
        const="",
        metavar="ID",
        help="serve a page on which several people listen blind and vote, and nothing else: "
        "of this comparison or set of scripts (default: the newest)",
    )
    group.add_argument(
        "--test",
        choices=["pair", "abx", "rating"],
        default="pair",
        help="which is better (the default), whether there is a difference, or scores from 0 to 100",
    )
    group.add_argument("--pair", metavar="1,2", help="with --test abx: only these two entries")
    group.add_argument(
        "--reference",
        metavar="N|FILE",
        help="with --test rating: the entry, or a recording of the same words, that the others are held against",
    )
    group.add_argument("--tell-nothing", action="store_true", help="do not tell after an answer what it was")
    group.add_argument(
        "--host", default="0.0.0.0", metavar="ADDRESS", help="where the page listens (default: every address)"
    )
    group.add_argument("--port", type=int, metavar="N", help="(default: 7861, or any that is free)")


def add_votes(votes: argparse.ArgumentParser) -> None:
    """The options of `votes`."""
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
    votes.add_argument("--parts", choices=["script", "listener", "tag"], help="a table of scores by these besides")
    votes.add_argument(
        "--comparison", default="", metavar="ID", help="only votes of this comparison, or of this set of scripts"
    )
    votes.add_argument("--script", default="", metavar="NAME", help="only votes about this script")
    votes.add_argument("--listener", default="", metavar="NAME", help="only votes of this listener")
    votes.add_argument(
        "--tag", choices=["voice", "rhythm", "words", "artefacts", "emotion"], help="only votes for this reason"
    )
    votes.add_argument("--ratings", action="store_true", help="with export FILE.csv: scores from 0 to 100, not votes")


def add_models(models: argparse.ArgumentParser) -> None:
    """The options of `models`."""
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


def add_engines(engines: argparse.ArgumentParser) -> None:
    """The options of `engines`."""
    engines.add_argument("--markdown", action="store_true", help="print the table of the README")


def add_runs(runs: argparse.ArgumentParser) -> None:
    """The options of `runs`."""
    runs.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default: 20)")


def add_inspect(inspect: argparse.ArgumentParser) -> None:
    """The options of `inspect`."""
    inspect.add_argument("file", type=Path, metavar="FILE", help="WAV, FLAC, MP3, M4A, Opus or OGG")


def add_doctor(doctor: argparse.ArgumentParser) -> None:
    """The options of `doctor`."""
    bundle = "write what helps a report of a fault, without texts"
    doctor.add_argument("--bundle", type=Path, metavar="ZIP", help=bundle)
    doctor.add_argument("--log", type=Path, metavar="FILE", help="with --bundle: where the studio's log was sent to")


def pair(word: str) -> tuple[str, str]:
    """`name=value`, as argparse wants a type."""
    name, sign, value = word.partition("=")
    if not (sign and name.strip() and value.strip()):
        raise argparse.ArgumentTypeError(f"{word!r} is not of the form name=value")
    return name.strip(), value.strip()


def number(word: str) -> tuple[str, float]:
    """`name=number`, as argparse wants a type."""
    name, value = pair(word)
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number") from None
