"""The commands that make nothing: `engines`, `runs`, `inspect`, `doctor`; and `serve`, which hands over to the app."""

from __future__ import annotations

import argparse
import os
import runpy
from dataclasses import asdict
from pathlib import Path

from studio.cli.terminal import MENDABLE, opened, put, put_json, tell

APP = Path(__file__).parents[2] / "app.py"


def engines(options: argparse.Namespace) -> None:
    """Every engine, and what is in the way of one that cannot run."""
    from studio import listings

    with opened() as studio:
        rows = studio.engines()
    if options.markdown:
        put(listings.engines_overview(row.spec for row in rows).markdown())
    elif options.json:
        put_json([listings.engine_values(row) for row in rows])
    else:
        put(str(listings.engines_table(rows)))


def runs(options: argparse.Namespace) -> None:
    """What was spoken last."""
    from studio import listings

    with opened() as studio:
        runs = studio.recent(max(0, options.limit))
    if options.json:
        put_json([listings.run_values(run) for run in runs])
    elif runs:
        put(str(listings.runs_table(runs)))
    else:
        tell("Nothing has been spoken yet.")


def inspect(options: argparse.Namespace) -> None:
    """Whether a file carries the mark, and which run it was."""
    with opened() as studio:
        found = studio.inspect(options.file)
    if options.json:
        put_json(found.values())
    else:
        for heading, text in found.lines():
            put(f"{heading:<8}{text}".rstrip())


def doctor(options: argparse.Namespace) -> int:
    """What the machine has; the exit code is 1 when something is to be mended."""
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


def serve(options: argparse.Namespace) -> None:
    """The page and the API, until it is stopped."""
    if options.ray:
        os.environ.update(STUDIO_RAY="1", STUDIO_REPLICAS=str(options.replicas))
    runpy.run_path(str(APP), run_name="__main__")
