"""`compare` and `votes` in the terminal: files, tables, exit codes, votes carried from one data folder to another."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from studio import formats, loudness, soundfiles
from studio.hearing import Recogniser
from studio.settings import Settings
from studio.studio import Studio
from studio.trials.blind import Answer
from studio.trials.mushra import RatingTest
from studio.trials.trials import Trials
from tests.ear import deaf
from tests.whole.test_cli import Cli, call

__all__ = ["call"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody hears and nobody judges: others test that, and both take their time."""
    monkeypatch.setattr(Recogniser, "model", "")
    deaf(monkeypatch)
    monkeypatch.setenv("STUDIO_WATERMARK", "off")


def test_a_script_by_two_engines_and_two_seeds(call: Cli) -> None:
    answer = call("compare", "talk.txt", "--engines", "tone,hibari", "--seeds", "2", "-o", "out", "--json")
    assert answer.code == 0
    entries = answer.json["entries"]
    assert [(one["engine"], one["seed"]) for one in entries] == [("tone", 0), ("tone", 1), ("hibari", 0), ("hibari", 1)]
    for one in entries:
        assert soundfiles.read(Path(one["file"])).seconds == pytest.approx(one["seconds"], abs=1e-3)
        assert one["wer"] is None and "No recogniser" in one["measures"]["words"]["missing"]
    assert Path(entries[0]["file"]).name == "1-tone-seed-0.wav"
    again = call("compare", "talk.txt", "--engines", "tone", "--seeds", "4,9", "-o", "out")
    assert again.code == 0 and b"seed 9" in again.out and "Compare tab" in again.err


def test_a_sweep_over_a_setting(call: Cli) -> None:
    answer = call("compare", "talk.txt", "--engines", "tone", "--sweep", "word_seconds=0.1,0.3", "-o", "out", "--json")
    assert [one["sampling"] for one in answer.json["entries"]] == [{"word_seconds": 0.1}, {"word_seconds": 0.3}]
    assert answer.json["entries"][0]["seconds"] < answer.json["entries"][1]["seconds"]


def test_a_grey_engine_fails_in_its_place(call: Cli) -> None:
    answer = call("compare", "talk.txt", "--engines", "dia2-2b,tone", "-o", "out")
    assert answer.code == 1
    assert [line.split()[-1] for line in answer.out.decode().splitlines()[1:]] == ["-", str(Path("out/2-tone.wav"))]
    assert "Dia2 2B failed: Dia2 2B cannot run here" in answer.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--engines", "tonne"], "Did you mean 'tone'?"),
        (["--engines", ","], "nothing to compare"),
        (["--engines", "tone", "--seeds", "9"], "9 entries are too many"),
        (["--engines", "tone", "--seeds", "x"], "neither a number nor seeds"),
        (["--engines", "tone", "--seeds", "3,3"], "the same as entry 1"),
        (["--engines", "tone", "--sweep", "loud"], "not of the form"),
    ],
)
def test_what_cannot_be_compared_is_told_before_anything_is_spoken(call: Cli, words: list[str], complaint: str) -> None:
    answer = call("compare", "talk.txt", *words, "-o", "out")
    assert answer.code == 1 and complaint in answer.err
    assert list(Path("out").iterdir()) == []


def test_votes_as_a_table_and_from_one_studio_to_another(call: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = call("votes")
    assert nothing.code == 1 and "no vote yet" in nothing.err
    made = call("compare", "talk.txt", "--engines", "tone,hibari", "-o", "out", "--json").json
    studio = Studio(Settings.from_environment())
    trials = Trials(studio)
    for _ in range(12):
        heard = trials.blind.ask(made["comparison"], "Anna")
        question = trials.store.posed(heard.id).question
        good = "first" if trials.store.get(made["comparison"]).entry(question.first).engine == "hibari" else "second"
        trials.blind.answer(heard.id, Answer(good, (9, 9), ("voice",), "keys"))
    studio.close()
    shown = call("votes").out.decode()
    assert shown.index("Hibari") < shown.index("Tone") and "is better than the other." in shown and "Anna" in shown
    assert call("votes", "--json", "--tag", "voice", "--by", "engine").json["places"][0]["wins"] >= 9
    assert call("votes", "--listener", "Ben").code == 1
    assert call("votes", "export", "votes.csv").code == 0 and call("votes", "export", "votes.json").code == 0
    assert len(json.loads(call("votes", "export").out)["votes"]) == 12
    monkeypatch.setenv("STUDIO_DATA", "elsewhere")
    assert call("votes", "import", "votes.csv", "--json").json == {"added": 12, "known": 0, "differing": 0}
    assert call("votes", "import", "votes.json", "--json").json == {"added": 0, "known": 12, "differing": 0}
    assert call("votes").out.decode() == shown
    Path("votes.json").write_text(Path("votes.json").read_text()[:-99])
    broken = call("votes", "import", "votes.json")
    assert broken.code == 1 and "Nothing was imported." in broken.err
    assert call("votes", "import", "none.json").code == 1
    assert call("votes", "import").code == 2


def test_a_comparison_is_written_whole_to_one_file(call: Cli, tmp_path: Path) -> None:
    spoken = call(
        "compare", "talk.txt", "--engines", "tone,dia2-2b,hibari", "-o", "out", "--export", "all.zip", "--json"
    )
    assert spoken.code == 1, "an engine is grey"
    with zipfile.ZipFile("all.zip") as archive:
        names = set(archive.namelist())
        told = json.loads(archive.read("comparison.json"))
        sounds = {one["sound"] for one in told["entries"] if one["sound"]}
        assert names == {"comparison.json", "script.txt", "script.json", "metrics.csv", "listen.html"} | {
            f"sounds/{name}" for name in sounds
        }
        assert len(sounds) == 2
        for entry, row in zip(told["entries"], spoken.json["entries"], strict=True):
            assert (entry["label"], entry["seed"], entry["takes"]) == (row["label"], row["seed"], row["takes"])
            if entry["sound"]:
                archive.extract(f"sounds/{entry['sound']}", tmp_path)
                kept = soundfiles.read(tmp_path / "sounds" / entry["sound"])
                assert np.array_equal(kept.samples, soundfiles.read(Path(row["file"])).samples)
                assert loudness.loudness(kept.scaled(entry["gain"])) == pytest.approx(told["matched_lufs"], abs=0.1)
        assert "cannot run here" in told["entries"][1]["reason"]
        rows = list(csv.DictReader(io.StringIO(archive.read("metrics.csv").decode())))
        assert [row["engine"] for row in rows] == ["tone", "dia2-2b", "hibari"] and rows[1]["seconds"] == "0.0"
        assert float(rows[0]["seconds"]) == pytest.approx(told["entries"][0]["seconds"])
        script = formats.read(archive.read("script.json"), "script.json").script
        assert str(script) + "\n" == archive.read("script.txt").decode()
    later = call("compare", "--of", told["id"], "--export", "page.html", "--export", "again.zip", "--json")
    assert later.code == 0 and later.json["files"] == ["page.html", "again.zip"]
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.count('class="sound"') == 2 and "Dia2 2B cannot run here" in page
    assert not re.search(r"(src|href)=|https?://|@import|url\(", page), "it asks nobody for anything"


def test_what_cannot_be_written_is_said_before_anything_is_spoken(call: Cli) -> None:
    words = ["compare", "talk.txt", "--engines", "tone", "-o", "out", "--export"]
    assert "Let it end in .zip or .html." in call(*words, "all.tar").err
    assert "There is no folder" in call(*words, "nowhere/all.zip").err
    assert "no comparison 'xyz'" in call("compare", "--of", "xyz", "--export", "all.zip").err
    failed = call("compare", "talk.txt", "--engines", "dia2-2b", "-o", "out", "--export", "all.zip")
    assert failed.code == 1 and "Nothing of this comparison is spoken yet" in failed.err
    assert not list(Path().glob("*.zip")) and not list(Path("out").glob("*.wav"))


def test_a_folder_of_scripts_is_one_test_told_by_script(call: Cli) -> None:
    """Files in a folder each; pairs of both scripts; tables by script, listener and reason."""
    Path("set").mkdir()
    Path("set/b.txt").write_text("[S1] Nine ten.", encoding="utf-8")
    Path("set/a.txt").write_text("[S1] Hello there. [S2] Who?", encoding="utf-8")
    (Path("empty")).mkdir()
    assert "There is no script in empty" in call("compare", "empty", "--engines", "tone", "-o", "out").err
    told = call("compare", "set", "--engines", "tone,hibari", "-o", "out", "--json").json
    assert [len(one["entries"]) for one in told["comparisons"]] == [2, 2]
    assert {path.parent.name for path in Path("out").rglob("*.wav")} == {"1-hello-there", "2-nine-ten"}
    studio = Studio(Settings.from_environment())
    trials = Trials(studio)
    for _ in range(8):
        heard = trials.blind.ask(told["series"], "Anna")
        trials.blind.answer(heard.id, Answer("first", (9, 9), ("voice",), "keys"))
    studio.close()
    shown = call("votes", "--parts", "script", "--comparison", told["series"]).out.decode()
    assert "By script:" in shown and "Hello there." in shown and "Nine ten." in shown
    parts = call("votes", "--parts", "listener", "--json").json["parts"]
    assert [one["name"] for one in parts] == ["Anna"]
    one = call("votes", "--script", "Nine ten.", "--by", "engine", "--json").json
    assert 0 < one["votes"] < 8
    assert "Did you mean" in call("votes", "--script", "Nine tem.").err
    assert "Nobody is called 'S7'" in call("compare", "set", "--engines", "tone", "--voice", "S7=high", "-o", "o").err


def test_abx_and_ratings_in_the_terminal(call: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    made = call("compare", "talk.txt", "--engines", "tone,hibari", "-o", "out", "--json").json["comparison"]
    studio = Studio(Settings.from_environment())
    trials = Trials(studio)
    rating = RatingTest(trials.blind, trials.sheets)
    for _ in range(16):
        heard = trials.blind.ask(made, "Anna", "abx")
        x = trials.store.posed(heard.id).question.x
        trials.blind.answer(heard.id, Answer(x, (9, 9, 9)))
    screen = rating.ask(made, "Anna")
    assert screen
    rating.answer(screen.id, [20.0, 80.0], [9.0, 9.0])
    studio.close()
    shown = call("votes").out.decode()
    assert "A difference is heard: 16 of 16 right" in shown and "without a reference (no MUSHRA test)" in shown
    assert "80.0" in shown and "excellent" in shown and "Too few ratings to tell" in shown
    told = call("votes", "--json").json
    assert told["abx"][0]["p"] == pytest.approx(2**-16) and told["ratings"][0]["grades"][0]["mean"] == 80
    assert call("votes", "export", "all.json").code == call("votes", "export", "r.csv", "--ratings").code == 0
    monkeypatch.setenv("STUDIO_DATA", "elsewhere")
    assert call("votes", "import", "r.csv", "--json").json == {"added": 1, "known": 0, "differing": 0}
    assert call("votes", "import", "all.json", "--json").json == {"added": 16, "known": 1, "differing": 0}
    assert call("votes").out.decode() == shown


def test_nothing_to_serve_is_told(call: Cli) -> None:
    answer = call("compare", "--serve-votes")
    assert answer.code == 1 and "There is no comparison to listen to." in answer.err
    assert call("compare", "talk.txt").code == 2


def test_a_saved_page_runs_nothing_that_a_script_says(call: Cli) -> None:
    Path("hostile.txt").write_text("[S1] <img src=x onerror=alert(1)> </script><script>alert(2)</script> hello")
    assert call("compare", "hostile.txt", "--engines", "tone", "-o", "out", "--export", "page.html").code == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert "<img" not in page and "<script>alert" not in page and "&lt;img src=x" in page
    told = re.search(r'<script type="application/json" id="told">(.*?)</script>', page)
    assert told and "alert(2)" in json.loads(told[1])["all"]["script"]["turns"][0]["text"]
