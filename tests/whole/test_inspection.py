"""A file tells where it comes from: by its mark, by its label, and by its sound when the label is gone."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from studio import likeness, m4a, soundfiles, watermark
from studio.audio import Audio
from studio.errors import AudioError, OutputError
from studio.events import Finished
from studio.label import Label
from studio.runs import Run
from studio.script import Script
from studio.settings import Settings
from studio.studio import Studio

SCRIPT = (
    "[S1] Who tamed the wind, and can a bird be wrong? [pause 1s] [S2] It can, Zoë, but it will not say so. [S1] Oh."
)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio that has spoken two texts with its real voices."""
    studio = Studio(Settings(data=tmp_path_factory.mktemp("data"), device="cpu"))
    for text, seed in (("[S1] Bread rises while nobody looks at it, and so do birds.", 0), (SCRIPT, 7)):
        request = studio.request(Script.parse(text), "hibari", {}, {}, seed)
        events = list(studio.speak("hibari", request))
        assert isinstance(events[-1], Finished)
    yield studio
    studio.close()


@pytest.fixture
def run(spoken: Studio) -> Run:
    return spoken.recent()[0]


@pytest.mark.parametrize("form", soundfiles.FORMATS)
def test_every_format_carries_mark_and_label_and_is_known_again(spoken: Studio, run: Run, form: str) -> None:
    path = spoken.export(run.id, form)
    found = spoken.inspect(path)
    assert found.mark.found and "Marked as made by a machine." in found.verdict
    assert found.label == Label.read(Label.of(run).tags().comment)
    assert (
        found.label.run == run.alias
        and run.id not in str(found.label)
        and found.label.seed == 7
        and found.label.engine == "hibari"
    )
    assert found.label.created == run.created and found.label.watermark == watermark.NAME
    assert found.label.revision and found.label.licence == "Apache-2.0" and found.label.studio
    assert set(found.label.voices) == set(run.voices.values())
    assert found.match and found.match.run.id == run.id and found.match.turns == (0, 1, 2)
    assert found.match.kind == ("exact" if form in ("wav", "flac") else "whole")
    exact = abs(found.seconds - run.seconds) < 1e-3
    assert exact or (form == "m4a" and found.seconds - run.seconds < 0.05)
    json.dumps(found.values(), allow_nan=False)


@pytest.mark.parametrize("form", soundfiles.FORMATS)
def test_other_programs_read_the_label_too(spoken: Studio, run: Run, form: str) -> None:
    av = pytest.importorskip("av")
    with av.open(str(spoken.export(run.id, form))) as file:
        told = {**file.metadata, **file.streams.audio[0].metadata}
        tags = {name.lower(): text for name, text in told.items()}
    assert "AI-generated speech" in tags["comment"] and run.alias in tags["comment"]
    assert tags["artist"] == "Dialogue Studio (AI-generated speech)"
    assert "Who tamed the wind" in tags["title"]
    if form != "mp3":
        assert tags["date"] == run.created


def test_names_stay_out_of_the_label(run: Run) -> None:
    consent = {"kind": "person", "who": "Anna Example", "when": "2026-01-01", "note": "by letter"}
    voices = {"Anna": {"id": "v-1", "name": "Anna’s voice", "digest": "", "consent": consent}}
    known = {**vars(run), "voices": {"Anna": "v-1"}, "provenance": {**run.provenance, "voices": voices}}
    comment = Label.of(Run(**known)).tags().comment
    assert '"consent": {"v-1": "person"}' in comment and '"voices": ["v-1"]' in comment
    assert not [word for word in ("Anna", "letter", "2026-01-01") if word in comment]


def without_label(audio: Audio, path: Path) -> Path:
    soundfile.write(path, audio.samples, audio.sample_rate)
    return path


def test_sound_without_its_label_is_known_by_its_waves(spoken: Studio, run: Run, tmp_path: Path) -> None:
    sound = soundfiles.read(run.output)
    rate = sound.sample_rate
    start = run.timings[1].start
    cut = Audio(sound.samples[round(start * rate) : round((start + 2) * rate)], rate)
    held = io.BytesIO()
    soundfile.write(held, cut.resampled(16000).scaled(0.4).samples, 16000, format="MP3")
    (tmp_path / "cut.mp3").write_bytes(held.getvalue())
    found = spoken.inspect(tmp_path / "cut.mp3")
    assert found.label is None and found.mark.found and found.match.kind == "part"
    assert found.match.start == pytest.approx(start, abs=0.05) and found.match.turns == (1,)
    assert run.id in found.origin and "from" in found.origin
    longer = Audio(np.concatenate([np.zeros(3 * rate, np.float32), sound.samples, np.zeros(rate, np.float32)]), rate)
    assert spoken.inspect(without_label(longer, tmp_path / "longer.wav")).match.start == pytest.approx(-3, abs=0.05)


def test_other_sound_is_no_run(spoken: Studio, tmp_path: Path, studio: Studio) -> None:
    """Not even another reading of the same text by the same voice."""
    request = studio.request(Script.parse(SCRIPT), "hibari", {}, {"speed": 1.1}, 8)
    list(studio.speak("hibari", request))
    found = spoken.inspect(without_label(soundfiles.read(studio.recent()[0].output), tmp_path / "a.wav"))
    assert found.match is None and "none of the 2 runs" in found.origin and found.mark.found
    labelled = spoken.inspect(studio.recent()[0].output)
    assert labelled.match is None and "its label names run" in labelled.origin.lower()


def test_a_label_that_was_put_on_other_sound_is_seen(spoken: Studio, run: Run, tmp_path: Path) -> None:
    other = spoken.recent()[1]
    soundfiles.convert(other.output, tmp_path / "a.wav", "wav", Label.of(run).tags())
    found = spoken.inspect(tmp_path / "a.wav")
    assert found.match.run.id == other.id and "relabelled" in found.origin


def test_what_cannot_be_told_is_said(spoken: Studio, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = spoken.inspect(without_label(Audio(np.full(2400, 0.1, np.float32), 24000), tmp_path / "short.wav"))
    assert short.mark.probability is None and "cannot be told" in short.verdict and short.match is None
    monkeypatch.setattr(watermark, "_weights_file", lambda: None)
    watermark._net.cache_clear()
    watermark._checked.cache_clear()
    found = spoken.inspect(run.output)
    assert "cannot be told" in found.verdict and "pip install" in found.verdict
    assert found.values()["watermark"]["found"] is None and found.match.kind == "exact"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("renamed.wav", b"MZ\x90\x00" + bytes(2000)),
        ("empty.wav", b""),
        ("head.wav", b"RIFF\xff\xff\xff\xffWAVEfmt "),
        ("cut.m4a", b"\x00\x00\x00\x20ftypM4A " + bytes(100)),
        ("text.mp3", b"#EXTM3U\nhttp://127.0.0.1:9/a.mp3\n" * 20),
    ],
)
def test_what_is_no_sound_is_refused(spoken: Studio, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioError):
        spoken.inspect(tmp_path / name)


def test_no_file_and_a_folder_are_refused(spoken: Studio, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.wav"):
        with pytest.raises(AudioError, match="not a file"):
            spoken.inspect(path)


def test_a_finished_run_says_when_it_is_not_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermark, "_weights_file", lambda: None)
    watermark._net.cache_clear()
    watermark._checked.cache_clear()
    for is_wanted, state in ((True, "none, package missing"), (False, "none, switched off")):
        studio = Studio(Settings(data=tmp_path / state, device="cpu", show_tone=True, watermark=is_wanted))
        list(studio.speak("tone", studio.request(Script.parse("[S1] Hello there, you."), "tone", {}, {}, 0)))
        (run,) = studio.recent()
        assert bool([note for note in run.notes if "Not watermarked" in note]) is is_wanted
        assert spoken_label(run.output).watermark == run.provenance["watermark"] == state
        studio.close()


def spoken_label(path: Path) -> Label:
    with soundfile.SoundFile(path) as file:
        label = Label.read(file.comment)
    assert label
    return label


def test_a_comment_that_is_not_ours_is_no_label() -> None:
    for comment in ("", "AI-generated speech", "AI-generated speech {", "AI-generated speech {}", "{}", "[1]"):
        assert Label.read(comment) is None
    assert Label.read('AI-generated speech {"voices": 3, "run": []}') is None


def test_a_label_cannot_speak_to_the_terminal(run: Run) -> None:
    comment = Label.of(run).tags().comment
    assert Label.read(comment)
    for evil in (comment.replace(run.alias, "\\u001b]0;x"), comment.replace("7,", '"7",'), comment + " " * 20_000):
        assert Label.read(evil) is None


def test_m4a_says_when_its_package_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(OutputError, match="package av"):
        soundfiles.write(tmp_path / "a.m4a", [Audio(np.zeros(2400, np.float32), 24000)], 24000, "m4a")
    assert not list(tmp_path.iterdir())


def test_m4a_is_read_as_it_was_written(tmp_path: Path) -> None:
    sound = Audio((np.sin(np.arange(48000) * 0.05) / 4).astype(np.float32), 24000)
    soundfiles.write(tmp_path / "a.m4a", [sound], 24000, "m4a", soundfiles.Tags(title="Ein Vögelchen", license="CC0"))
    back = soundfiles.read(tmp_path / "a.m4a")
    assert likeness.find(likeness.narrow([sound]), likeness.narrow([back])).likeness > 0.99
    assert m4a.tags_of(tmp_path / "a.m4a")["title"] == "Ein Vögelchen"
