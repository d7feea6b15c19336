"""The command `voices`: the voices to speak with, and the library of recorded ones. Decides nothing.

Further actions register in ACTIONS. Nothing heavy is imported before an action runs: `--help` stays quick.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cli import arguments, voices_add, voices_examine
from studio.cli.terminal import opened, put, put_json, tell
from studio.cli.voices_add import told
from studio.errors import OutputError, RequestError

if TYPE_CHECKING:
    from studio.library import Library, LibraryVoice

VOICE_HELP = "its id, or its name if no other has it"


@dataclass(frozen=True)
class Action:
    """What follows `voices` on the command line. run: does it; gives the exit code, None for 0."""

    purpose: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]


def add_arguments(voices: argparse.ArgumentParser) -> None:
    """The options of `voices` and its actions."""
    voices.add_argument("--engine", metavar="ID", help="those that this engine can speak with")
    actions = voices.add_subparsers(title="the library", metavar="ACTION")
    for name, action in ACTIONS.items():
        sub = actions.add_parser(name, help=action.purpose, description=action.purpose)
        sub.set_defaults(command=action.run, fail=sub.error)
        sub.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")
        action.add_arguments(sub)


def run(options: argparse.Namespace) -> None:
    """Every voice that a speaker can be given: presets by engine, then recorded ones where an engine follows them."""
    from studio import listings, portraits

    with opened() as studio:
        specs = [studio.spec(options.engine)] if options.engine else [row.spec for row in studio.engines()]
        presets = [voice for spec in specs for voice in spec.voices]
        recorded = studio.library.search() if any(spec.clones for spec in specs) else []
    if options.json:
        told = [listings.voice_values(voice) for voice in presets]
        put_json([*told, *(portraits.values(voice) for voice in recorded)])
    else:
        put(str(listings.voices_table(presets, recorded)))


def _show_all(options: argparse.Namespace, voices: Iterable[LibraryVoice]) -> None:
    from studio import portraits

    voices = list(voices)
    if options.json:
        put_json([portraits.values(voice) for voice in voices])
    elif voices:
        put(str(portraits.table(voices)))
    else:
        tell("There is no such voice. To keep one: python -m studio voices add FILE …")


def _list(options: argparse.Namespace) -> None:
    with opened() as studio:
        library, text = studio.library, " ".join(options.text)
        _show_all(options, library.bin() if options.bin else library.search(text, options.tag, options.favourites))


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="*", metavar="TEXT", help="only those that hold these words")
    parser.add_argument("--tag", default="", help="only those with this tag")
    parser.add_argument("--favourites", action="store_true", help="only favourites")
    parser.add_argument("--bin", action="store_true", help="those that were deleted and can be restored")


def _show(options: argparse.Namespace) -> None:
    from studio import portraits

    with opened() as studio:
        voice = studio.library.find(options.voice)
        paths = [studio.library.path(reference) for reference in voice.references]
    if options.json:
        put_json(portraits.values(voice))
    else:
        put("\n".join(portraits.lines(voice, paths)))


def _one_voice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("voice", metavar="VOICE", help=VOICE_HELP)


def _rename(options: argparse.Namespace) -> None:
    with opened() as studio:
        told(options, studio.library.rename(studio.library.find(options.voice).id, options.name), "renamed")


def _rename_arguments(parser: argparse.ArgumentParser) -> None:
    _one_voice(parser)
    parser.add_argument("name", metavar="NAME", help="its new name; the id stays")


def _tag(options: argparse.Namespace) -> None:
    with opened() as studio:
        told(options, studio.library.tag(studio.library.find(options.voice).id, options.tags), "tagged")


def _tag_arguments(parser: argparse.ArgumentParser) -> None:
    _one_voice(parser)
    parser.add_argument("tags", nargs="*", metavar="TAG", help="in place of the tags it has; none takes them away")


def _suit(options: argparse.Namespace) -> None:
    with opened() as studio:
        voice = studio.suit(studio.library.find(options.voice).id, options.engine, dict(options.set))
        told(options, voice, f"as it suits in {options.engine}" if options.set else f"as usual in {options.engine}")


def _suit_arguments(parser: argparse.ArgumentParser) -> None:
    _one_voice(parser)
    parser.add_argument("engine", metavar="ENGINE", help="in which the voice is right with these settings")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=arguments.number,
        help="a setting of the engine; none of them forgets what was kept",
    )


def _favourite(options: argparse.Namespace) -> None:
    with opened() as studio:
        voice = studio.library.favourite(studio.library.find(options.voice).id, not options.off)
        told(options, voice, "no favourite any more" if options.off else "a favourite")


def _favourite_arguments(parser: argparse.ArgumentParser) -> None:
    _one_voice(parser)
    parser.add_argument("--off", action="store_true", help="take the mark away")


def _duplicate(options: argparse.Namespace) -> None:
    with opened() as studio:
        told(options, studio.library.duplicate(studio.library.find(options.voice).id, options.name), "duplicated")


def _duplicate_arguments(parser: argparse.ArgumentParser) -> None:
    _one_voice(parser)
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="of the new one (default: a copy)")


def _delete(options: argparse.Namespace) -> None:
    with opened() as studio:
        told(options, studio.library.delete(studio.library.find(options.voice).id), "in the bin")


def _restore(options: argparse.Namespace) -> None:
    with opened() as studio:
        voice = _deleted(studio.library, options.voice)
        told(options, studio.library.restore(voice.id), "restored")


def _deleted(library: Library, word: str) -> LibraryVoice:
    """The voice in the bin with this id or name. Raises RequestError."""
    found = [voice for voice in library.bin() if word == voice.id or word.casefold() == voice.name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(voice.id for voice in found)
        raise RequestError(f"{len(found)} voices in the bin are called {word!r}.", f"Give an id: {ids}.")
    raise RequestError(f"There is no voice {word!r} in the bin.", "See: python -m studio voices list --bin")


def _empty_bin(options: argparse.Namespace) -> None:
    with opened() as studio:
        count = len(studio.library.bin())
        if count and not options.yes:
            raise RequestError(
                f"{count} voices would be gone for good.", "Say so: python -m studio voices empty-bin --yes"
            )
        removed = studio.library.empty_bin()
    if options.json:
        put_json({"removed": removed})
    tell(f"{removed} voices removed for good.")


def _empty_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do it without asking")


def _export(options: argparse.Namespace) -> None:
    path = Path(options.out)
    if path.exists() and not options.force:
        raise OutputError(f"{path} is there already.", f"To write over it: voices export {path} --force")
    with opened() as studio:
        ids = [studio.library.find(word).id for word in options.voices]
        exported = studio.library.export(path.absolute(), ids or None)
    if options.json:
        put_json({"file": str(path), "voices": [voice.id for voice in exported]})
    tell(f"{path}: {len(exported)} {'voice' if len(exported) == 1 else 'voices'}.")


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", metavar="OUT.zip", help="the file to write")
    parser.add_argument("voices", nargs="*", metavar="VOICE", help="ids or names; none of them exports all")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def _import(options: argparse.Namespace) -> None:
    with opened() as studio:
        arrival = studio.library.import_(Path(options.file))
    if options.json:
        put_json(
            {
                "added": [voice.id for voice in arrival.added],
                "restored": [voice.id for voice in arrival.restored],
                "same": [voice.id for voice in arrival.same],
                "renumbered": {old: voice.id for old, voice in arrival.renumbered.items()},
            }
        )
    for voices, became in ((arrival.added, "new"), (arrival.restored, "restored"), (arrival.same, "was here")):
        for voice in voices:
            tell(f"{voice.id}  {voice.name}: {became}")
    for old, voice in arrival.renumbered.items():
        tell(f"{voice.id}  {voice.name}: new, under this id, because another voice here is {old}")


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.zip", help="voices that were exported")


ACTIONS: dict[str, Action] = {
    "list": Action("List recorded voices.", _list_arguments, _list),
    "examine": Action(voices_examine.PURPOSE, voices_examine.add_arguments, voices_examine.run),
    "add": Action(voices_add.PURPOSE, voices_add.add_arguments, voices_add.run),
    "show": Action("Tell all about a voice.", _one_voice, _show),
    "rename": Action("Give a voice another name.", _rename_arguments, _rename),
    "tag": Action("Give a voice other tags.", _tag_arguments, _tag),
    "favourite": Action("Mark a voice as a favourite.", _favourite_arguments, _favourite),
    "suit": Action("Keep the settings that suit a voice in an engine.", _suit_arguments, _suit),
    "duplicate": Action("Make a second voice like one.", _duplicate_arguments, _duplicate),
    "delete": Action("Put a voice into the bin.", _one_voice, _delete),
    "restore": Action("Take a voice out of the bin.", _one_voice, _restore),
    "empty-bin": Action("Remove what is in the bin for good.", _empty_arguments, _empty_bin),
    "export": Action("Write voices into one zip.", _export_arguments, _export),
    "import": Action("Keep the voices of a zip.", _import_arguments, _import),
}
