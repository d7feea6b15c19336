"""What a Space and a container are made of: front matter, packages, the Dockerfile's steps as far as they go here."""

from __future__ import annotations

import fnmatch
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from studio import engines, hub

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text().split()


def steps() -> list[tuple[str, str]]:
    """The Dockerfile as (word, rest), comments left out and continued lines joined."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def stages() -> dict[str, list[tuple[str, str]]]:
    """Each stage by its name, with the steps of those it stands on first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for word, rest in steps():
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = list(found.get(base, []))
        found[name].append((word, rest))
    return found


def is_ignored(name: str) -> bool:
    parts = Path(name).parts
    places = ["/".join(parts[: at + 1]) for at in range(len(parts))]
    patterns = [*IGNORED, *(pattern.removeprefix("**/") for pattern in IGNORED if pattern.startswith("**/"))]
    return any(fnmatch.fnmatch(place, pattern) for place in places for pattern in patterns)


def front_matter() -> dict[str, list[str] | str]:
    """The README's head: plain values and lists of them, which is all of YAML that it uses."""
    head = README.split("---\n")[1]
    found: dict[str, list[str] | str] = {}
    name = ""
    for line in head.splitlines():
        if line.startswith("  - "):
            last = found[name]
            assert isinstance(last, list)
            last.append(line[4:])
        else:
            name, _, value = line.partition(":")
            found[name] = value.strip().strip('"') or []
    return found


def test_the_spaces_front_matter() -> None:
    head = front_matter()
    assert head["sdk"] == "gradio" and head["app_file"] == "app.py" and head["license"] == "apache-2.0"
    assert head["python_version"] == "3.12" and len(str(head["short_description"])) <= 60
    locked = re.search(r"^gradio==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked and head["sdk_version"] == locked[1]
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {head["colorFrom"], head["colorTo"]} <= colours


def test_what_is_preloaded_is_what_the_engines_look_for() -> None:
    told = [str(line).split() for line in front_matter()["preload_from_hub"]]
    wanted = {files.repo: files for name in ("dia", "dia2-1b") for files in engines.module(name).FILES}  # type: ignore[attr-defined]
    assert {repo for repo, _, _ in told} == set(wanted)
    for repo, names, revision in told:
        files: hub.ModelFiles = wanted[repo]
        assert revision == files.revision
        given = names.split(",")
        assert all(any(fnmatch.fnmatch(name, pattern) for name in given) for pattern in files.patterns)
        assert all(any(fnmatch.fnmatch(name, pattern) for pattern in files.patterns) for name in given)


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("make") is None, reason="needs make and the checkout")
def test_a_space_is_asked_for_nothing_that_it_brings_itself(tmp_path: Path) -> None:
    alone = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}  # also within `make test`
    made = subprocess.run(["make", "-n", "space"], cwd=ROOT, env=alone, capture_output=True, text=True, check=True)
    recipe = made.stdout
    script = recipe.replace("out/space", str(tmp_path / "space"))
    subprocess.run(["bash", "-euc", script], cwd=ROOT, capture_output=True, check=True)
    names = re.findall(r"^[A-Za-z0-9_-]+", (tmp_path / "space/requirements.txt").read_text(), re.MULTILINE)
    assert not {"gradio", "spaces", "torch", "torchaudio"} & {name.lower() for name in names}
    assert {"hibari-tts", "fastapi", "transformers", "safetensors", "tokenizers"} <= set(names)
    assert (tmp_path / "space/app.py").is_file() and (tmp_path / "space/README.md").read_text().startswith("---\n")
    assert not (tmp_path / "space/tests").exists()


def test_the_dockerfile_has_no_lint() -> None:
    tool = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if tool is None:
        pytest.skip("hadolint has no build for this system")
    told = subprocess.run([tool, "Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0 and not told.stdout, told.stdout


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_each_target_can_be_built(target: str) -> None:
    stage = stages()[target]
    for word, rest in stage:
        if word == "COPY":
            source = rest.split()[0]
            assert (ROOT / source).exists() and not is_ignored(source), rest
        for lock in re.findall(r"-r (\S+)", rest) if word == "RUN" else ():
            assert "--hash=" in (ROOT / lock).read_text() and "--require-hashes" in rest
            assert ("COPY", f"{lock} ./") in stage[: stage.index((word, rest))]
    assert [rest for word, rest in stage if word == "USER"] == ["1000:1000"] and stage[-1][0] == "USER"
    assert any("useradd" in rest and "--uid 1000" in rest for word, rest in stage if word == "RUN")
    assert ("VOLUME", '["/data", "/models"]') in stage
    assert not any(part in rest for _, rest in stage for part in ("safetensors", "hf download", "STUDIO_PUBLIC"))


def test_what_the_image_needs_is_not_ignored() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("needs the checkout")
    kept = [name for name in listed.stdout.splitlines() if not is_ignored(name)]
    assert {"app.py", "requirements.lock", "requirements-torch.lock", "LICENSE", "NOTICE"} <= set(kept)
    ours = {name for name in listed.stdout.splitlines() if name.startswith(("studio/", "assets/samples/"))}
    assert ours <= set(kept)
    assert not any(name.startswith(("tests/", "bench/", ".git/")) for name in kept)


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1), (None, 1)])
def test_the_health_check(status: int | None, expected: int) -> None:
    told = next(rest for word, rest in stages()["cpu"] if word == "HEALTHCHECK")
    command = json.loads(told.partition(" CMD ")[2])
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status or 500)
            self.end_headers()

        def log_message(self, *words: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    port = server.server_port
    if status is None:
        server.server_close()
    else:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        environment = {**os.environ, "STUDIO_PORT": str(port)}
        answer = subprocess.run([sys.executable, *command[1:]], env=environment, capture_output=True, timeout=20)
    finally:
        if status is not None:
            server.shutdown()
            server.server_close()
    assert answer.returncode == expected
    assert asked == ([] if status is None else ["/healthz"])


def test_an_image_without_a_word_on_who_may_come_in_does_not_start() -> None:
    from studio.errors import RequestError
    from studio.settings import Settings

    told = dict(re.findall(r"(STUDIO_\w+)=(\S+)", " ".join(rest for word, rest in stages()["cpu"] if word == "ENV")))
    with pytest.raises(RequestError, match="there is no key"):
        Settings.from_environment(told)
    assert Settings.from_environment({**told, "STUDIO_PUBLIC": "1"}).is_shared
    assert Settings.from_environment({**told, "STUDIO_API_KEY": "a-key-of-some-length"}).api_key
    compose = (ROOT / "compose.yaml").read_text()
    assert "${STUDIO_ADDRESS:-127.0.0.1}:" in compose
