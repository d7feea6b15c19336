"""The command line as a person and a program meet it: what it prints where, what it leaves behind, how it exits."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from studio import cli, doctor, soundfiles
from studio.cli import arguments
from studio.engines import tone
from studio.engines.base import Lighter, Placement
from studio.runs import TAKES

ROOT = Path(__file__).parents[2]
TALK = "[S1] Hello there, old friend. [pause 1s]\n[S2] Who is it?\n[S1] (laughs) It is me."
LONG = "\n".join(f"[S{1 + n % 2}] This is line {n} of ten." for n in range(10))  # a passage each


@dataclass(frozen=True)
class Answer:
    """What a command gave back."""

    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Answer]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Cli:
    """Run a command in an empty folder that holds talk.txt, with a data folder of its own."""
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STUDIO_SHOW_TONE", "1")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("talk.txt").write_text(TALK, encoding="utf-8")

    def run(*words: str, stdin: bytes = b"") -> Answer:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            code = cli.main(words)
        except SystemExit as exit:
            code = int(exit.code or 0)
        out, err = capsysbinary.readouterr()
        return Answer(code, out, err.decode())

    return run


def say(call: Cli, *words: str, stdin: bytes = b"") -> Answer:
    return call("say", *words, "--engine", "tone", stdin=stdin)


def files() -> list[str]:
    """What is in the current folder beside the script."""
    return sorted(path.name for path in Path().iterdir() if path.name != "talk.txt")


def test_without_a_command_it_helps(call: Cli) -> None:
    answer = call()
    assert answer.code == 0
    assert b"say" in answer.out and b"doctor" in answer.out


def test_help_is_quick() -> None:
    loads = "import sys, studio.cli; print([m for m in ('numpy', 'rich', 'gradio', 'onnxruntime') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", loads], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_formats_are_those_that_can_be_written() -> None:
    assert tuple(soundfiles.FORMATS) == arguments.FORMATS


def test_say_writes_a_file_and_tells_about_it_on_stderr(call: Cli) -> None:
    answer = say(call, "talk.txt", "-o", "hello.wav")
    assert (answer.code, answer.out) == (0, b"")
    assert "hello.wav: " in answer.err and "S1 is high, S2 is deep" in answer.err
    assert files() == ["hello.wav"]
    assert soundfile.info("hello.wav").duration > 2


def test_say_without_output_names_the_file_after_the_script_and_spares_what_is_there(call: Cli) -> None:
    assert say(call, "talk.txt").code == 0
    assert files() == ["talk.wav"]
    Path("talk.wav").write_bytes(b"mine")
    answer = say(call, "talk.txt")
    assert answer.code == 1
    assert "-o talk.wav" in answer.err
    assert Path("talk.wav").read_bytes() == b"mine"
    assert say(call, "talk.txt", "-o", "talk.wav").code == 0
    assert Path("talk.wav").read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("-o", "x.flac"), "FLAC"),
        (("-o", "x.MP3"), "MP3"),
        (("-o", "x.ogg"), "OGG"),
        (("-o", "x.sound", "--format", "flac"), "FLAC"),
        (("--format", "mp3"), "MP3"),
    ],
    ids=["flac", "mp3", "ogg", "format-wins", "no-output"],
)
def test_say_writes_the_format_that_is_asked_for(call: Cli, words: tuple[str, ...], kind: str) -> None:
    assert say(call, "talk.txt", *words).code == 0
    assert soundfile.info(files()[0]).format == kind


def test_say_json_is_one_document_and_true(call: Cli) -> None:
    answer = say(
        call, "talk.txt", "-o", "x.wav", "--json", "--seed", "7", "--voice", "s2=high", "--set", "word_seconds=0.3"
    )
    told, sound = answer.json, soundfile.info("x.wav")
    assert (told["file"], told["format"], told["engine"], told["seed"]) == ("x.wav", "wav", "tone", 7)
    assert told["voices"] == {"S1": "deep", "S2": "high"}
    assert told["sampling"]["word_seconds"] == 0.3
    assert told["sample_rate"] == sound.samplerate
    assert told["seconds"] == pytest.approx(sound.duration, abs=1e-3)
    assert [turn["speaker"] for turn in told["turns"]] == ["S1", "S2", "S1"]
    assert told["turns"][1]["start"] == pytest.approx(told["turns"][0]["end"] + 1.0, abs=0.005)
    assert told["turns"][-1]["end"] <= told["seconds"]
    assert told["rtf"] == pytest.approx(told["work_seconds"] / told["seconds"], abs=1e-4)
    assert call("runs", "--json").json[0]["run"] == told["run"]


def test_say_reads_stdin_and_writes_bytes_to_stdout(call: Cli) -> None:
    answer = say(call, "-", "-o", "-", stdin=TALK.encode())
    assert answer.code == 0
    assert soundfile.info(io.BytesIO(answer.out)).format == "WAV"
    assert files() == []


def test_say_again_speaks_nothing_anew_unless_told_to(call: Cli) -> None:
    first = say(call, "talk.txt", "-o", "a.wav", "--json").json
    again = say(call, "talk.txt", "-o", "b.wav", "--json").json
    fresh = say(call, "talk.txt", "-o", "c.wav", "--json", "--fresh").json
    assert [told["passages_reused"] for told in (first, again, fresh)] == [0, 3, 0]
    sounds = [soundfiles.read(Path(name)).digest for name in ("a.wav", "b.wav", "c.wav")]
    assert len(set(sounds)) == 1  # the files differ in what they say of their runs


def test_say_tells_what_will_not_sound_as_written(call: Cli) -> None:
    answer = say(call, "-", "-o", "x.wav", stdin=b"[S1] Well (sobs) hello. [S2] Hi.")
    assert answer.code == 0
    assert "(sobs)" in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ("say",),
        ("sing",),
        ("say", "talk.txt", "-o", "x"),
        ("say", "talk.txt", "-o", "x.wav", "--format", "mp3"),
        ("say", "talk.txt", "--format", "midi"),
        ("say", "talk.txt", "--voice", "heart"),
        ("say", "talk.txt", "--set", "speed=fast"),
        ("say", "talk.txt", "--seed", "many"),
        ("say", "talk.txt", "-o", "-", "--json"),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_writes_nothing(call: Cli, words: tuple[str, ...]) -> None:
    answer = call(*words)
    assert (answer.code, answer.out) == (2, b"")
    assert "usage:" in answer.err
    assert files() == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nowhere.txt",), "invalid_script", "nowhere.txt"),
        ((".",), "invalid_script", "cannot be read"),
        (("talk.txt", "--engine", "tome"), "engine_not_found", "'tone'"),
        (("talk.txt", "--voice", "S1=hihg"), "voice_not_found", "'high'"),
        (("talk.txt", "--voice", "S9=high"), "cast_not_possible", "S9"),
        (("talk.txt", "--set", "word_seconds=nan"), "invalid_request", "number"),
        (("talk.txt", "--set", "word_seconds=-1"), "invalid_request", "0.05 to 1"),
        (("talk.txt", "--set", "sped=1"), "invalid_request", "sped"),
        (("talk.txt", "--seed", "-1"), "invalid_request", "seed"),
        (("talk.txt", "-o", "."), "cannot_write", "folder"),
        (("talk.txt", "-o", "no/such/place.wav"), "cannot_write", "no folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_a_person_can_mend_exits_with_1(call: Cli, words: tuple[str, ...], code: str, says: str) -> None:
    engine = () if "--engine" in words else ("--engine", "tone")
    answer = call("say", *words, *engine, "--json")
    assert answer.code == 1
    assert answer.json["error"]["code"] == code
    assert says in answer.err and answer.json["error"]["message"] in answer.err
    assert files() == []


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (b"", "empty"),
        (b" \n\t\n", "empty"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "program"),
        (b"\x00\xff\x10" * 50, "binary"),
        ("[S1] Hello there.".encode("utf-16-le"), "UTF-16"),
        (b"x" * 5_000_001, "MB"),
        (b"[S1] word " + b"word " * 60_000, "characters"),
        ("[S1] \u200b\u200b [S2] \ufeff".encode(), "empty"),
        (b"[S1] Hi. [pause 99h] [S2] Ho.", "pause"),
    ],
    ids=["empty", "blank", "program", "binary", "utf-16", "huge", "300000", "invisible", "bad-pause"],
)
def test_scripts_that_cannot_be_spoken(call: Cli, script: bytes, says: str) -> None:
    answer = say(call, "-", "-o", "x.wav", stdin=script)
    assert answer.code == 1
    assert says in answer.err
    assert files() == []


def test_only_cues_are_nothing_to_say(call: Cli) -> None:
    answer = call("say", "-", "--engine", "hibari", stdin=b"[S1] (sobs) [S2] (sneezes)")
    assert answer.code == 1
    assert "nothing to say" in answer.err
    assert files() == []


def test_a_setting_that_cannot_be_is_named(call: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_PORT", "many")
    answer = call("engines", "--json")
    assert answer.code == 1
    assert "STUDIO_PORT" in answer.json["error"]["message"]


def test_an_output_that_may_not_be_written_over_is_refused_before_speaking(call: Cli) -> None:
    Path("x.wav").write_bytes(b"mine")
    Path("x.wav").chmod(0o444)
    if os.access("x.wav", os.W_OK):
        pytest.skip("this user may write everything")
    assert say(call, "talk.txt", "-o", "x.wav").code == 1
    assert call("runs", "--json").json == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_devices_are_written_to_and_not_replaced(call: Cli) -> None:
    assert say(call, "talk.txt", "-o", "/dev/null", "--format", "wav").code == 0
    assert Path("/dev/null").is_char_device()
    answer = say(call, "talk.txt", "-o", "/dev/full", "--format", "wav")
    assert answer.code == 1
    assert "disk is full" in answer.err


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_a_link_stays_a_link(call: Cli) -> None:
    Path("real.wav").write_bytes(b"old")
    Path("link.wav").symlink_to("real.wav")
    assert say(call, "talk.txt", "-o", "link.wav").code == 0
    assert Path("link.wav").is_symlink()
    assert soundfile.info("real.wav").duration > 2


def test_engines_and_voices(call: Cli) -> None:
    assert "tone" in call("engines").out.decode()
    row = next(row for row in call("engines", "--json").json if row["id"] == "tone")
    assert row["can_run"] is True and row["voices"] == ["high", "deep"]
    assert [voice["id"] for voice in call("voices", "--engine", "tone", "--json").json] == ["high", "deep"]
    assert "A deep beep" in call("voices").out.decode()
    assert call("voices", "--engine", "tome").code == 1


def test_runs_before_and_after(call: Cli) -> None:
    assert "Nothing" in call("runs").err
    say(call, "talk.txt")
    assert "finished" in call("runs").out.decode()


def test_doctor_finds_this_machine_fit(call: Cli, tmp_path: Path) -> None:
    answer = call("doctor", "--json")
    found = {finding["name"]: finding for finding in answer.json}
    assert answer.code == 0
    assert found["data"]["value"]["path"] == str(tmp_path / "data")
    assert found["data"]["value"]["writable"] is True
    assert found["engine tone"]["state"] == "ok"
    assert "tone" in found["verdict"]["value"]
    assert found["packages"]["value"]["numpy"]
    assert "ready to speak" in call("doctor").out.decode()


def test_doctor_finds_what_is_in_the_way(call: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))
    answer = call("doctor", "--json")
    (packages,) = (finding for finding in answer.json if finding["name"] == "packages")
    assert answer.code == 1
    assert packages["state"] == "mend" and packages["remedy"]


SLOWLY = ("--engine", "tone", "--set", "work_seconds=0.02", "--json")  # about 1.2 s for LONG


def start(tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    """A command as a process of its own, for what only a process can meet; in the folder of `call`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STUDIO_DATA": str(tmp_path / "data")}
    command = [sys.executable, "-m", "studio", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=tmp_path / "here", env=environment, stdout=pipe, stderr=pipe, text=True)


def _lines(path: Path) -> int:
    return path.read_text(encoding="ascii").count("\n")


def started(tmp_path: Path) -> subprocess.Popen[str]:
    """`say long.txt`, of which some passages are kept and most are not."""
    Path("long.txt").write_text(LONG, encoding="utf-8")
    process = start(tmp_path, "say", "long.txt", *SLOWLY)
    deadline = time.monotonic() + 20
    while sum(map(_lines, (tmp_path / "data").glob(f"runs/*/{TAKES}"))) < 2 and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize(("number", "state"), [(signal.SIGINT, "stopped"), (signal.SIGKILL, "unfinished")])
def test_what_is_spoken_survives_the_end_and_the_next_call_goes_on(
    call: Cli, tmp_path: Path, number: signal.Signals, state: str
) -> None:
    with started(tmp_path) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "passages are kept" in err
    assert files() == ["long.txt"]
    (run,) = call("runs", "--json").json
    assert run["state"] == state and 2 <= run["passages_kept"] < 10
    told = call("say", "long.txt", *SLOWLY).json
    assert told["state"] == "finished" and 2 <= told["passages_reused"] < 10
    assert files() == ["long.txt", "long.wav"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_disk_that_fills_up_leaves_nothing_half_written(call: Cli, tmp_path: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))  # a file of 20 kB is all that the disk takes
    try:
        answer = say(call, "talk.txt", "-o", "x.wav", "--json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert answer.code == 1
    assert answer.json["error"]["code"] == "cannot_write"
    assert files() == []
    assert not list((tmp_path / "data").rglob("*.part"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_standard_output_is_an_error(call: Cli, tmp_path: Path) -> None:
    code = "import sys; from studio.cli import main; sys.stdout = open('/dev/full', 'w'); sys.exit(main(['engines']))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 1
    assert answer.stderr.startswith("Standard output cannot be written: No space left")
    assert "Traceback" not in answer.stderr


def test_a_reader_that_leaves_early_is_no_crash(call: Cli, tmp_path: Path) -> None:
    with start(tmp_path, "engines", "--json") as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


def test_precision_is_a_part_of_a_take(call: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def load(placement: Placement) -> tone.ToneEngine:
        loaded.append(placement.precision)
        return tone.ToneEngine()

    monkeypatch.setattr(tone, "load", load)
    assert "has no precision int8" in say(call, "talk.txt", "--precision", "int8").err
    monkeypatch.setattr(tone, "SPEC", replace(tone.SPEC, cpu_rtf=15.0, int8=Lighter(0.01, 6.0)))
    monkeypatch.setattr(tone.ToneEngine, "spec", tone.SPEC)
    assert "'int8'" in say(call, "talk.txt", "--precision", "int9").err
    exact = say(call, "talk.txt", "-o", "a.wav", "--json")
    light = say(call, "talk.txt", "-o", "a.wav", "--json", "--precision", "int8")
    assert "15 times slower" in exact.err and "6 times slower" in light.err
    assert (exact.json["precision"], light.json["precision"]) == ("exact", "int8")
    assert light.json["passages_reused"] == 0, "another precision is another take"
    monkeypatch.setenv("STUDIO_PRECISION", "int8")
    again = say(call, "talk.txt", "-o", "a.wav", "--json")
    assert again.json["precision"] == "int8" and again.json["passages_reused"] == again.json["passages"]
    assert call("say", "talk.txt", "-o", "b.wav", "--engine", "hibari").code == 0, "which has one precision"
    assert loaded == ["exact", "int8"]


def test_live_speaks_while_standard_input_is_open(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "studio", "say", "-", "--live", "-o", "-", "--engine", "tone"]
    settings = {**os.environ, "STUDIO_DATA": str(tmp_path / "data"), "STUDIO_SHOW_TONE": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(b"[S1] One two. [S2] Th")
        process.stdin.flush()
        head = process.stdout.read(44 + 4800)  # it has not been told the end of the text
        assert head[:4] == b"RIFF" and np.frombuffer(head[44:], np.int16).any()
        process.stdin.write(b"ree.")
        process.stdin.close()
        rest = process.stdout.read()
        told = process.stderr.read().decode()
    assert process.returncode == 0, told
    seconds = (len(head) + len(rest) - 44) / 2 / 24000
    assert seconds == pytest.approx(3 * 0.2 + 0.35, abs=0.01) and "S1 is high, S2 is deep" in told


def test_live_into_a_file(call: Cli) -> None:
    answer = say(
        call, "-", "--live", "-o", "live.flac", "--voice", "Anna=deep", "--json", stdin=b"Anna: One.\n[S1] Two."
    )
    assert [turn["speaker"] for turn in answer.json["turns"]] == ["Anna", "S1"] and files() == ["live.flac"]
    assert answer.json["voices"]["Anna"] == "deep"
    assert say(call, "talk.txt", "--live").code == 2
    for stdin, complaint in (
        (b"", "nothing to say"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b"[S9] Hi.", "not in the cast"),
    ):
        answer = say(call, "-", "--live", "-o", "x.wav", stdin=stdin)
        assert answer.code == 1 and complaint in answer.err and files() == ["live.flac"]
