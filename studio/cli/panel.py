"""`compare --serve-votes`: the page on which others listen blind, until Ctrl-C. Loads no engine."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from studio.cli.terminal import put_json, tell
from studio.errors import RequestError
from studio.panel.server import PORT, PanelServer
from studio.settings import Settings
from studio.trials.comparison import Comparison
from studio.trials.mushra import RECORDING
from studio.trials.sessions import Session, Sessions
from studio.trials.sheets import SheetStore
from studio.trials.store import FOLDER, TrialStore
from studio.uploads import open_sound


def compare(options: argparse.Namespace) -> int:
    """The command: speaks, unless what was spoken is to be served. Raises StudioError; SystemExit(2) for too little."""
    if options.serve_votes is not None:
        return serve(options)
    if options.of and options.export:
        from studio.cli import compare

        return compare.export(options)
    if not (options.script and options.engines and options.output):
        options.fail("compare wants a script, --engines and -o FOLDER; or --serve-votes; or --of ID --export FILE")
    from studio.cli import compare

    return compare.run(options)


def serve(options: argparse.Namespace) -> int:
    """Print the link and serve until interrupted. Raises RequestError, OutputError."""
    store = TrialStore(Settings.from_environment().data / FOLDER)
    target, comparisons = _target(store, options.serve_votes)
    session = Sessions(store).open(
        Session(
            target,
            options.test,
            pair_of(comparisons[0], options.pair) if options.test == "abx" else (),
            reference_of(store, comparisons, options.reference) if options.test == "rating" else "",
            not options.tell_nothing,
        )
    )
    port = PORT if options.port is None else options.port
    server = PanelServer(store, options.host, port, only_port=options.port is not None)
    try:
        _announce(server.url(session.token), comparisons, options.json)
        wait()
    except KeyboardInterrupt:
        tell("Closed. Votes are kept; the same again opens the same link.")
    finally:
        server.close()
    return 0


def wait() -> None:
    """Until Ctrl-C, in steps, since Windows hands it over only between them."""
    never = threading.Event()
    while not never.wait(0.5):
        pass


def _announce(url: str, comparisons: list[Comparison], as_json: bool) -> None:
    if as_json:
        put_json({"url": url, "comparisons": [one.id for one in comparisons]})
    of = f"{len(comparisons)} scripts" if len(comparisons) > 1 else f"“{comparisons[0].name}”"
    tell(f"Listeners go to {url}")
    tell(f"Whoever has this link can take part in the test of {of}, and nobody else. Ctrl-C ends it.")


def _target(store: TrialStore, wanted: str) -> tuple[str, list[Comparison]]:
    """The comparison or series that is meant, "" for the newest. Raises RequestError."""
    if not wanted:
        newest = store.recent(1)
        if not newest:
            raise RequestError(
                "There is no comparison to listen to.", "First: python -m studio compare FILE --engines A,B -o FOLDER"
            )
        wanted = newest[0].series or newest[0].id
    return wanted, store.members(wanted)


def _entry(comparison: Comparison, word: str) -> str:
    if not word.strip().isdecimal() or not 1 <= int(word) <= len(comparison.entries):
        raise RequestError(f"There is no entry {word}.", f"Entries have the numbers 1 to {len(comparison.entries)}.")
    return comparison.entries[int(word) - 1].id


def pair_of(comparison: Comparison, words: str | None) -> tuple[str, ...]:
    """Two entries by their numbers, or none. Raises RequestError."""
    return tuple(_entry(comparison, word) for word in words.split(",")) if words else ()


def reference_of(store: TrialStore, comparisons: list[Comparison], word: str | None) -> str:
    """An entry's number, or a sound file of the same words. Raises RequestError, AudioError."""
    if not word:
        return ""
    path = Path(word)
    if not path.is_file():
        return _entry(comparisons[0], word)
    if len(comparisons) > 1:
        raise RequestError("A recording is the reference of one script.", "Name a comparison of one script.")
    SheetStore(store).keep_recording(comparisons[0].id, open_sound(path, path.name).audio, path.name)
    return RECORDING
