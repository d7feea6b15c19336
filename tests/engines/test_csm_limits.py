"""CSM where things are not as they should be: too much to hold, words missing, spoilt files, a gate that is shut."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio import engines
from studio.engines import csm
from studio.errors import EngineUnavailable, RequestError, StudioError, SynthesisError, UnknownVoice
from studio.events import Finished, Spoke
from studio.script import Script
from studio.studio import Studio

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny  # noqa: E402
import tiny_csm  # noqa: E402
from csm_speech import PLACED, like, reference, request, said, spoken  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from studio.engines.csm.engine import CsmEngine  # noqa: E402
from studio.engines.csm.prompt import frame_cap  # noqa: E402


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint in the very files of sesame/csm-1b: two shards, the table of codes in both halves."""
    torch.set_num_threads(1)
    return tiny_csm.in_two_halves(tiny_csm.csm(tmp_path_factory.mktemp("csm") / "tiny"))


@pytest.fixture(scope="module")
def engine(whole: Path) -> CsmEngine:
    return CsmEngine.open(whole, PLACED, torch.float32)


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """The checkpoint, to be spoiled."""
    return Path(shutil.copytree(whole, tmp_path / "copy"))


# --------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "frames", "kind", "says"),
    [
        ("[S1] ...", 5, SynthesisError, "no word"),
        ("[S1] Hello.", 0, SynthesisError, "before it had said a word"),
        ("[S1] Hello.", 10_000, SynthesisError, "did not come to an end in 4 s"),
        ("[S1] " + "So it is. " * 200, 5, RequestError, "1999 characters is too long"),
    ],
    ids=["no words", "ends at once", "never ends", "a turn that cannot fit"],
)
def test_it_refuses(engine: CsmEngine, text: str, frames: int, kind: type[StudioError], says: str) -> None:
    with pytest.raises(kind, match=says) as error:
        said(like(engine, frames)[0], request(text))
    assert error.value.remedy


def test_a_reference_that_leaves_no_room_is_refused_with_its_length(engine: CsmEngine) -> None:
    with pytest.raises(RequestError, match=r"S1's voice takes 165 s .* this turn leaves it 159 s") as error:
        said(like(engine)[0], request("[S1] Hello.", S1=reference("a", 155.0, "Words. " * 20)))
    assert "about ten seconds" in error.value.remedy


def test_a_past_that_nobody_has_a_voice_for_or_of_several_speakers_is_refused(engine: CsmEngine) -> None:
    asked = request("[S1] Hello.", spoken("[S1] Hi. [S2] Ho."))
    with pytest.raises(RequestError, match="cannot go on from a passage of S1, S2"):
        said(like(engine)[0], asked)


def test_an_empty_reference_is_refused(engine: CsmEngine) -> None:
    with pytest.raises(RequestError, match="no sound"):
        said(like(engine)[0], request("[S1] Hello.", S1=reference("a", 0.0)))


def test_an_unknown_voice_is_refused() -> None:
    with pytest.raises(UnknownVoice, match="no voice 'random-77'"):
        csm.voice("random-77")


def test_a_long_past_is_cut_to_what_the_model_holds_and_that_is_said(engine: CsmEngine) -> None:
    speaking, model = like(engine, frames=2)
    past = [spoken(f"[S{1 + at % 2}] Hello there.", 24.0, seed=at) for at in range(8)]
    asked = request("[S1] " + "So it is. " * 40, *past, S2=reference("b", 4.0))
    said(speaking, asked)
    ends = [end for _, end in model.reads]
    assert ends == sorted(ends)
    assert ends[-1] + frame_cap(asked.script.turns[0].text) <= 2048
    assert len(model.reads) < 9
    assert "all but 5 of" in speaking.note
    said(speaking, request("[S1] Yes.", *past[:2]))
    assert speaking.note == ""


def set_json(name: str, **values: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        tiny.dump(folder / name, content | values)

    return change


def with_tensors(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def changing(folder: Path) -> None:
        places: dict[str, str] = {}
        for shard in sorted(folder.glob("transformers-*.safetensors")):
            tensors = load_file(shard)
            change(tensors)
            save_file(tensors, shard)
            places |= dict.fromkeys(tensors, shard.name)
        tiny.dump(folder / "transformers.safetensors.index.json", {"weight_map": places})

    return changing


def sesames_own(folder: Path) -> None:
    for path in folder.glob("transformers*"):
        path.unlink()
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "ckpt.pt").write_bytes(b"")


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "Sesame's own layout": (sesames_own, "Sesame's own layout.*transformers.safetensors.index.json"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "config.json of CSM cannot be read"),
    "a config of another model": (set_json("config.json", hidden_act="gelu"), "another activation"),
    "unknown positions": (set_json("config.json", rope_scaling={"rope_type": "yarn"}), "'yarn' are not known"),
    "positions of no kind": (set_json("config.json", rope_scaling="x"), "is not that of a CSM model"),
    "layers without number": (set_json("config.json", num_hidden_layers=10**13), "num_hidden_layers is 10000"),
    "heads that do not part": (set_json("config.json", num_key_value_heads=3), "4 query heads over 3"),
    "an end that is no code": (set_json("config.json", codebook_eos_token_id=67), "codebook_eos_token_id is 67"),
    "a ban of no code": (set_json("generation_config.json", suppress_tokens=[67]), "suppress_tokens is 67"),
    "too few words": (set_json("config.json", text_vocab_size=403), "tokenizer.json has 404 words, CSM 403"),
    "halves that differ": (set_json("config.json", num_codebooks=9), "the depth decoder has num_codebooks 8"),
    "another size": (set_json("config.json", intermediate_size=128), "of another shape"),
    "a tensor less": (with_tensors(lambda held: held.pop("lm_head.weight", 0)), "1 missing .lm_head"),
    "a tensor more": (with_tensors(lambda held: held.update(odd=torch.zeros(1))), "1 unexpected .odd"),
    "a shard cut short": (
        lambda folder: (folder / "transformers-00001-of-00002.safetensors").write_bytes(b"\x08" * 64),
        "damaged",
    ),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json of CSM cannot be read"),
    "another tokenizer": (set_json("tokenizer.json", added_tokens=[]), "tokenizer.json is not that of CSM"),
}


@pytest.mark.parametrize(("spoil", "says"), SPOILT.values(), ids=SPOILT)
def test_spoilt_files_are_found_before_they_are_half_loaded(
    copy: Path, spoil: Callable[[Path], object], says: str
) -> None:
    spoil(copy)
    with pytest.raises(EngineUnavailable) as error:
        CsmEngine.open(copy, PLACED, torch.float32)
    assert re.search(says, str(error.value)), str(error.value)
    assert csm.REMEDY in error.value.remedy


# --------------------------------------------------------------------------- the gate, and the whole way


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the hub, and nobody logged in."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_CACHE", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (tmp_path / "hf").mkdir()
    return tmp_path / "hf"


def in_the_way() -> str:
    found = csm.obstacle(PLACED)
    return f"{found.reason} {found.remedy}" if found else ""


def test_the_gate_says_what_to_do_and_what_when_that_is_done(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = ("https://huggingface.co/sesame/csm-1b", "hf auth login", "HF_TOKEN", "check again", "models download csm")
    assert all(step in in_the_way() for step in steps)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with_key = in_the_way()
    assert "hf auth login" not in with_key and "hf_secret" not in with_key
    monkeypatch.delenv("HF_TOKEN")
    (home / "token").write_text("hf_secret")
    assert in_the_way() == with_key
    with pytest.raises(EngineUnavailable, match="not on this computer"):
        csm.load(PLACED)


def test_only_sesames_own_layout_on_the_disk_is_named(home: Path, copy: Path) -> None:
    sesames_own(copy)
    tiny.in_cache(copy, home / "hub", csm.MODEL.repo, csm.MODEL.revision)
    assert "Sesame's own layout" in in_the_way()
    assert "transformers-0000N-of-00002.safetensors" in in_the_way()


def test_only_files_that_are_read_are_asked_for() -> None:
    assert not {"model.safetensors", "ckpt.pt"} & set(csm.MODEL.patterns)
    assert re.fullmatch("[0-9a-f]{40}", csm.MODEL.revision)


def test_a_dialogue_is_spoken_from_the_hubs_files_each_turn_with_those_before_it(
    home: Path, copy: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a model that ends by itself: all books but the first are left only the code of the end, which the first draws too
    banned = {"suppress_tokens": [*range(9, 67)], "depth_decoder_suppress_tokens": [*range(1, 67)]}
    set_json("generation_config.json", **banned)(copy)
    tiny.in_cache(copy, home / "hub", csm.MODEL.repo, csm.MODEL.revision)
    monkeypatch.setattr(engines, "MODULES", (*engines.MODULES, "csm"))
    monkeypatch.setattr(
        "studio.engines.csm.engine.weights_dtype", lambda device: torch.float32
    )  # the same seed anywhere
    asked = studio.request(Script.parse("[S1] Hello there. [S2] Really? [S1] Yes."), "csm", {}, {}, seed=4)

    def speak() -> list[Any]:
        return [event for event in studio.speak("csm", asked) if event]

    events = speak()
    takes = [event.take for event in events if isinstance(event, Spoke)]
    assert [len(take.recipe["context"]) for take in takes] == [0, 1, 2]
    assert [take.recipe["voices"] for take in takes][0]["S1"][0] == "random-1"
    done = events[-1]
    assert isinstance(done, Finished) and done.run.state == "finished" and done.run.output is not None
    assert takes[0].recipe["revision"] == csm.MODEL.revision
    assert all(event.reused for event in speak() if isinstance(event, Spoke))
