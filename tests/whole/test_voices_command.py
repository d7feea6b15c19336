"""The command `voices` as a person and a program meet it, and casting voices that were kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio import engines
from studio.casting import RECORDED, remarks
from studio.cli.voices_add import KINDS
from studio.errors import UnknownVoice
from studio.events import Finished
from studio.script import Script
from studio.studio import SAMPLES, Studio
from studio.voice import CONSENTS, Consent
from tests.parrot import parrot
from tests.recorded import kept, recording
from tests.whole.test_cli import Cli, call

__all__ = ["call", "parrot"]  # fixtures


class Deaf:
    """A recogniser that is not there: hearing takes seconds, and is tested elsewhere."""

    obstacle = "No recogniser is here."

    def __init__(self, threads: int) -> None: ...

    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.studio.Recogniser", Deaf)


WREN = str(SAMPLES / "v-sample-wren.flac")
ADD = ("voices", "add", WREN, "--name", "Anna", "--transcript", "The kettle.", "--consent", "own")


def test_kinds_of_consent_are_those_that_there_are() -> None:
    assert tuple(CONSENTS) == KINDS


def test_no_preset_can_be_taken_for_a_recorded_voice() -> None:
    specs = [engines.module(engine_id).SPEC for engine_id in engines.MODULES]
    assert not [voice.id for spec in specs for voice in spec.voices if voice.id.startswith(RECORDED)]


def test_a_voice_is_kept_found_changed_and_deleted(call: Cli, tmp_path: Path) -> None:
    added = call(*ADD, "--tag", "warm", "--json").json
    anna = added["id"]
    assert added["consent"] == {"kind": "own"} and added["references"][0]["original_name"] == "v-sample-wren.flac"
    assert call("voices", "rename", "anna", "Hanna", "--json").json["id"] == anna
    assert call("voices", "tag", "hanna", "calm", "deep", "--json").json["tags"] == ["calm", "deep"]
    assert call("voices", "favourite", anna).code == 0
    assert [voice["id"] for voice in call("voices", "list", "HANNA", "--favourites", "--json").json] == [anna]
    shown = call("voices", "show", anna).out.decode()
    assert "My own voice" in shown and "The kettle." in shown and "7.00 s" in shown
    assert call("voices", "add", str(SAMPLES / "v-sample-heron.flac"), "--to", anna, "--transcript", "Two.").code == 0
    assert len(call("voices", "show", anna, "--json").json["references"]) == 2
    copy = call("voices", "duplicate", anna, "--json").json["id"]
    assert call("voices", "delete", anna).code == 0
    answer = call("voices", "show", anna, "--json")
    assert answer.code == 1 and answer.json["error"]["code"] == "voice_not_found" and f"restore {anna}" in answer.err
    assert [voice["id"] for voice in call("voices", "list", "--bin", "--json").json] == [anna]
    assert call("voices", "restore", "Hanna").code == 0
    assert call("voices", "restore", "Hanna").code == 1
    assert call("voices", "delete", copy).code == 0
    assert call("voices", "empty-bin").code == 1
    assert call("voices", "empty-bin", "--yes", "--json").json == {"removed": 1}


def test_voices_travel(call: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    anna = call(*ADD, "--json").json["id"]
    assert call("voices", "export", "all.zip").code == 0
    answer = call("voices", "export", "all.zip")
    assert answer.code == 1 and "--force" in answer.err
    assert call("voices", "export", "one.zip", "anna").code == 0
    assert Path("one.zip").read_bytes() == Path("all.zip").read_bytes()
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "elsewhere"))
    assert call("voices", "import", "all.zip", "--json").json["added"] == [anna]
    assert call("voices", "import", "all.zip", "--json").json["same"] == [anna]
    assert "was here" in call("voices", "import", "all.zip").err
    Path("bad.zip").write_bytes(b"PK")
    assert call("voices", "import", "bad.zip").code == 1


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (ADD[:-2], 2, "--consent is wanted"),
        (("voices", "add", WREN, "--consent", "own"), 1, "Nobody wrote down what is said"),
        ((*ADD, "--cut", "9-3"), 2, "ends before it begins"),
        ((*ADD, "--cut", "50-60"), 1, "it lasts 7.0 s"),
        (("voices", "add", WREN, "--consent", "own", "--transcript", "@gone.txt"), 1, "gone.txt cannot be read"),
        (("voices", "add", "talk.txt", "--consent", "own", "--transcript", "Hi."), 1, "Bring a recording"),
        ((*ADD[:-1], "person", "--who", "Anna"), 1, "a name and a date"),
        ((*ADD, "--language", "??"), 1, "not a language"),
        ((*ADD[:3], "--name", "x" * 99, *ADD[5:]), 1, "at most 80"),
        (("voices", "rename", "v-sample-wren", "Mine"), 1, "Duplicate it"),
        (("voices", "show", "nobody"), 1, "no voice 'nobody'"),
        (("voices", "export", "x.zip"), 1, "no voice to export"),
        (("voices", "sing"), 2, "invalid choice"),
    ],
    ids=lambda value: " ".join(value[1:4])[-30:] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_said(call: Cli, words: tuple[str, ...], code: int, says: str) -> None:
    answer = call(*words)
    assert (answer.code, answer.out) == (code, b"") and says in answer.err
    assert not [voice for voice in call("voices", "list", "--json").json if not voice["is_sample"]]


def test_the_list_of_all_voices_has_the_recorded_ones_where_an_engine_follows_them(call: Cli) -> None:
    assert "v-sample-wren" in call("voices").out.decode()
    ids = [voice["id"] for voice in call("voices", "--engine", "csm", "--json").json]
    assert ids[0] == "random-1" and "v-sample-wren" in ids
    assert [voice["id"] for voice in call("voices", "--engine", "tone", "--json").json] == ["high", "deep"]


def test_say_tells_what_a_recorded_voice_needs(call: Cli) -> None:
    answer = call("say", "talk.txt", "--engine", "tone", "--voice", "S1=wren", "-o", "x.wav")
    assert answer.code == 1 and "Tone cannot follow a recorded voice" in answer.err and "CSM 1B" in answer.err
    answer = call("say", "talk.txt", "--engine", "tone", "--voice", "S1=v-gone", "-o", "x.wav")
    assert answer.code == 1 and "no voice 'v-gone' in the library" in answer.err


def test_an_engines_own_voice_goes_before_a_recorded_one_of_its_name(studio: Studio) -> None:
    script = Script.parse("[S1] Hello. [S2] Hi.")
    named = kept(studio.library, "random-1")
    anna = kept(studio.library, "Anna", 110)
    cast = studio.cast(script, "csm", {"S1": "random-1", "S2": "ANNA"})
    assert (cast["S1"].engine, cast["S2"].id) == ("csm", anna.id)
    cast = studio.cast(script, "csm", {"S1": named.id})
    assert cast["S1"].audio is not None and cast["S2"].id == "random-1"
    kept(studio.library, "anna", 120)
    with pytest.raises(UnknownVoice, match="2 voices are called"):
        studio.cast(script, "csm", {"S1": "Anna"})
    with pytest.raises(UnknownVoice, match="CSM 1B has no voice 'random-99'"):
        studio.cast(script, "csm", {"S1": "random-99"})


def test_each_engine_gets_the_recording_that_suits_it(studio: Studio) -> None:
    voice = studio.library.add("Anna", Consent("own"), [recording(2.0), recording(6.0, 110), recording(12.0, 330)])
    script = Script.parse("[S1] Hello.")
    lengths = {
        engine: round(studio.cast(script, engine, {"S1": voice.id})["S1"].audio.seconds) for engine in ("dia", "csm")
    }
    assert lengths == {"dia": 6, "csm": 12}


def test_a_menu_offers_recorded_voices_to_engines_that_follow_them(studio: Studio) -> None:
    anna = kept(studio.library)
    kinds = {row.id: row.kind for row in studio.voices("dia")}
    assert kinds[anna.id] == "library" and kinds["random-1"] == "preset" and kinds["v-sample-wren"] == "sample"
    assert {row.kind for row in studio.voices("tone")} == {"preset"}


def test_settings_that_suit_a_voice_are_used_where_nobody_sets_others(
    call: Cli, parrot: str, tmp_path: Path, studio: Studio
) -> None:
    anna = call(*ADD, "--json").json["id"]
    Path("talk.txt").write_text("[S1] Hello there.", encoding="utf-8")
    say = ("say", "talk.txt", "--engine", parrot, "--voice", f"S1={anna}", "-o", "x.wav", "--json")
    usual = call(*say).json["sampling"]["word_seconds"]
    assert call("voices", "suit", "anna", parrot, "--set", "word_seconds=0.3").code == 0
    assert "word_seconds=0.3" in call("voices", "show", anna).out.decode()
    suited = call(*say).json
    assert suited["sampling"]["word_seconds"] == 0.3 != usual
    assert [note for note in suited["notes"] if "0.3: kept with Anna as what suits it in Parrot" in note]
    own = call(*say, "--set", "word_seconds=0.25").json
    assert own["sampling"]["word_seconds"] == 0.25 and not [note for note in own["notes"] if "kept with" in note]
    assert call("voices", "suit", anna, parrot).code == 0
    assert call(*say).json["sampling"]["word_seconds"] == usual
    for words, told in (((parrot, "--set", "pitch=1"), "no setting 'pitch'"), (("hibari",), "cannot follow")):
        answer = call("voices", "suit", anna, *words)
        assert answer.code == 1 and told in answer.err


def test_of_two_voices_with_settings_the_first_counts_and_that_is_said(studio: Studio, parrot: str) -> None:
    anna, ben = kept(studio.library, "Anna"), kept(studio.library, "Ben", 110)
    studio.suit(anna.id, parrot, {"word_seconds": 0.3})
    studio.library.suit(ben.id, parrot, {"word_seconds": 0.2, "wit": 2.0})  # as an import may bring it
    script = Script.parse("[S1] Hello. [S2] Hi.")
    request = studio.request(script, parrot, {"S1": anna.id, "S2": ben.id}, {}, 0)
    assert request.sampling["word_seconds"] == 0.3 and request.suited == {"word_seconds": anna.id}
    told = " ".join(remarks(studio.spec(parrot), request))
    assert "0.3: kept with Anna" in told and "0.2, kept with Ben, was not taken: another" in told
    assert "wit 2, kept with Ben, was not taken: Parrot has no such setting" in told
    run = [event for event in studio.speak(parrot, request) if isinstance(event, Finished)][-1].run
    assert run.provenance["suited"] == {"word_seconds": anna.id}
    take = studio.takes_of(run)[0]
    assert take.recipe["sampling"]["word_seconds"] == 0.3
    assert take.voices["S1"]["settings"] == {"word_seconds": 0.3}
