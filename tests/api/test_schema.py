"""The API keeps to its own schema, whatever is sent: Schemathesis asks for what it allows, and for what it forbids."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from tests.browser.serving import Served, serve

HERE = Path(__file__).parent
TOOL = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
EXAMPLES = 8  # of each operation and kind, beside all that lie at the edges of what the schema allows
BEEPS = {"hibari": "tone", "heart": "high", "june": "high", "low": "deep"}  # the examples, in no time


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that refuses long texts: two thousand turns, the most that the schema allows, are half an hour."""
    with serve(tmp_path_factory.mktemp("schema"), max_input_characters=300, max_script_characters=500) as served:
        yield served


@pytest.fixture(scope="module")
def told(served: Served) -> Any:
    """The schema."""
    return httpx.get(f"{served.url}v1/openapi.json").json()


def test_every_answer_is_as_the_schema_says(served: Served, told: Any, tmp_path: Path) -> None:
    text = json.dumps(told)
    for speech, beeps in BEEPS.items():
        text = text.replace(f'"{speech}"', f'"{beeps}"')
    schema = tmp_path / "openapi.json"
    schema.write_text(text, encoding="utf-8")
    words = ["--config-file", str(HERE / "schemathesis.toml"), "run", str(schema), "--url", served.url, "--no-color"]
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            TOOL,
            *words,
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            str(EXAMPLES),
            "--seed",
            "7",
            "--request-timeout",
            "20",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Tested: 11" in found.stdout


def test_every_answer_has_an_example_that_fits(told: Any) -> None:
    parts = told["components"]
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                answer = parts["responses"][status] if "$ref" in answer else answer
                for kind, content in answer["content"].items():
                    if kind != "application/json":
                        continue
                    name = content["schema"].get("$ref", "").rpartition("/")[2]
                    examples = [content["example"]] if "example" in content else parts["schemas"][name]["examples"]
                    assert examples, (path, method, status, kind)
                    for example in examples:
                        jsonschema_rs.validate({**content["schema"], "components": parts}, example)


def test_every_parameter_has_an_example(told: Any) -> None:
    operations = [operation for methods in told["paths"].values() for operation in methods.values()]
    assert all(one["schema"]["examples"] for operation in operations for one in operation.get("parameters", ()))
