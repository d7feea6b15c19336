"""Voices of the library in every engine that follows one, through the whole studio, on tiny checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny  # noqa: E402
import tiny_csm  # noqa: E402
import tiny_dia2  # noqa: E402
from csm_speech import like  # noqa: E402
from dia_stock import ending  # noqa: E402

from studio import engines  # noqa: E402
from studio.audio import Audio  # noqa: E402
from studio.engines import remembered  # noqa: E402
from studio.engines.csm.engine import CsmEngine  # noqa: E402
from studio.engines.dia2.prefix import Clip, timed_words  # noqa: E402
from studio.engines.remembered import CodesOnDisk, Remembered  # noqa: E402
from studio.errors import UnknownVoice  # noqa: E402
from studio.events import Finished, Spoke  # noqa: E402
from studio.library import LibraryVoice, Recording  # noqa: E402
from studio.runs import Run  # noqa: E402
from studio.script import Script  # noqa: E402
from studio.settings import Settings  # noqa: E402
from studio.studio import Studio  # noqa: E402
from studio.voice import Consent, TimedWord  # noqa: E402

CLONING = ("dia", "dia2-1b", "csm")
# Each pause ends a passage: three of one speaker each, then two of both.
SCRIPT = Script.parse(
    "[S1] I was in the garden all of that long evening. [pause 1s] [S2] Really, and what did you find in it? [pause 1s]"
    "[S1] A letter, under the old stone. [pause 1s] [S2] From whom? [S1] Nobody knows. [pause 1s] [S2] Well. [S1] Yes."
)


@pytest.fixture(scope="module", autouse=True)
def quiet() -> None:
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub cache with every engine that clones, tiny; what they say ends."""
    folder = tmp_path_factory.mktemp("hub")
    config = tiny_dia2.dia2_config()
    config["data"] |= {"channels": 6, "delay_pattern": [16] + [18] * 3}
    config["runtime"] = {"weights_schedule": [0, 1, 1], "max_context_steps": 600}
    made = {
        "dia": (ending(tiny.dia(folder / "dia"), 3.0), tiny.dac(folder / "dac")),
        "dia2-1b": (tiny_dia2.dia2(folder / "dia2", "a", config), tiny.mimi(folder / "mimi")),
        "csm": (tiny_csm.in_two_halves(tiny_csm.csm(folder / "csm")),),
    }
    for engine_id, folders in made.items():
        for files, source in zip(module(engine_id).FILES, folders, strict=True):
            tiny.in_cache(source, folder, files.repo, files.revision)
    return folder


@pytest.fixture
def studio(cache: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    opened = CsmEngine.open
    monkeypatch.setattr(CsmEngine, "open", lambda *given, **more: like(opened(*given, **more))[0])
    studio = Studio(settings)
    yield studio
    studio.close()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Audio]:
    """Every sound that a model was given to go on from, in order."""
    sounds: list[Audio] = []
    of = Remembered.of

    def recorded(remembered: Remembered[Any], sound: Audio) -> Any:
        sounds.append(sound)
        return of(remembered, sound)

    monkeypatch.setattr(Remembered, "of", recorded)
    return sounds


def module(engine_id: str) -> Any:
    return engines.module(engine_id)


def sound(seconds: float, seed: int) -> Audio:
    noise = np.random.default_rng(seed).standard_normal(round(seconds * 24000))
    return Audio((0.1 * noise).astype(np.float32), 24000)


def two_voices(studio: Studio) -> tuple[LibraryVoice, LibraryVoice]:
    consent = Consent("person", who="Anna Berg", when="2026-05-01")
    anna = studio.library.add("Anna", consent, [Recording(sound(1.5, 1), "I speak like this.")])
    ben = studio.library.add("Ben", Consent("synthetic"), [Recording(sound(1.1, 2), "And I like this.")])
    return anna, ben


def speak(
    studio: Studio,
    engine_id: str,
    voices: dict[str, str],
    after: Callable[[Spoke], object] = id,
    script: Script = SCRIPT,
) -> Run:
    request = studio.request(script, engine_id, voices, {}, 3)
    for event in studio.speak(engine_id, request):
        if isinstance(event, Spoke):
            after(event)
        elif isinstance(event, Finished):
            return event.run
    raise AssertionError("it did not finish")


@pytest.mark.parametrize("engine_id", CLONING)
def test_two_voices_of_the_library_lead_every_passage_and_are_encoded_once(
    engine_id: str, studio: Studio, heard: list[Audio], monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = two_voices(studio)
    a, b = (studio.library.sound(voice.references[0]) for voice in (anna, ben))
    run = speak(studio, engine_id, {"S1": anna.id, "S2": "ben"})
    assert run.state == "finished" and run.notes == () and run.voices == {"S1": anna.id, "S2": ben.id}
    lengths = [round(one.seconds, 1) for one in heard]
    if engine_id == "dia":  # the references of the speakers of a passage, as one sound
        assert lengths == [1.5, 1.1, 1.5, 2.6, 2.6]
    elif engine_id == "dia2-1b":  # both, whoever speaks: first who speaks first
        assert lengths == [1.5, 1.1, 1.1, 1.5, 1.5, 1.1, 1.1, 1.5, 1.1, 1.5]
    else:  # both before what was said so far
        digests = [one.digest for one in heard]
        assert digests[:4] == [a.digest, b.digest] * 2 and digests.count(a.digest) == digests.count(b.digest) == 7
    assert len({one.digest for one in heard}) < len(heard)


@pytest.mark.parametrize("engine_id", CLONING)
def test_without_a_voice_a_speaker_keeps_the_one_of_its_first_passage(
    engine_id: str, studio: Studio, heard: list[Audio]
) -> None:
    run = speak(studio, engine_id, {})
    first, second = (take.audio() for take in studio.takes_of(run)[:2])
    given = [one.digest for one in heard]
    if engine_id == "dia2-1b":  # what a speaker said there, without the silence around it
        ones = [one for one in heard if _is_within(one, first)]
        assert len(ones) == 4 and len({one.digest for one in ones}) == 1
        assert len({one.digest for one in heard if _is_within(one, second)}) == 1
        assert all(_is_within(one, first) or _is_within(one, second) for one in heard)
    elif engine_id == "dia":
        assert given[0] == first.digest and len(heard) == 3  # the second passage is of another speaker, who is new
        assert all(len(one.samples) == len(first.samples) + len(second.samples) for one in heard[1:])
        assert given[1] == given[2]
    else:
        assert given.count(first.digest) == 6 and given.count(second.digest) == 5


def _is_within(part: Audio, whole: Audio) -> bool:
    """Whether a sound is a piece of another, to the sample."""
    windows = range(len(whole.samples) - len(part.samples) + 1)
    starts = np.flatnonzero(whole.samples[: len(windows)] == part.samples[0]) if len(windows) else []
    return any(np.array_equal(whole.samples[at : at + len(part.samples)], part.samples) for at in starts)


def test_one_voice_alone_is_followed_only_weakly_by_dia2_and_that_is_said(studio: Studio) -> None:
    anna, _ = two_voices(studio)
    (note,) = speak(studio, "dia2-1b", {"S1": anna.id}, script=Script.parse("[S1] Hello. [S2] Hi there.")).notes
    assert "Dia2 1B follows a recorded voice that is alone only weakly: give S2 one too" in note
    (note,) = speak(studio, "dia2-1b", {"S1": anna.id}, script=Script.parse("[S1] Hello there, you.")).notes
    assert "a second speaker with one helps" in note


def test_a_voice_deleted_while_it_speaks_speaks_to_the_end_and_is_then_missed(studio: Studio) -> None:
    anna, ben = two_voices(studio)

    def forget(event: Spoke) -> None:
        if event.passage == 0:
            studio.library.delete(anna.id)
            studio.library.empty_bin()

    run = speak(studio, "dia", {"S1": anna.id, "S2": ben.id}, forget)
    assert run.state == "finished" and len(run.takes) == run.passages
    with pytest.raises(UnknownVoice, match=f"{anna.id} was deleted on"):
        studio.request(run.script, "dia", run.voices, run.sampling, run.seed)


def test_takes_and_runs_keep_who_spoke_and_by_which_right_and_a_new_name_reuses_them(studio: Studio) -> None:
    anna, ben = two_voices(studio)
    run = speak(studio, "dia", {"S1": anna.id, "S2": ben.id})
    told = {"kind": "person", "who": "Anna Berg", "when": "2026-05-01"}
    first, second, *_ = studio.takes_of(run)
    assert first.voices["S1"]["id"] == anna.id and first.voices["S1"]["consent"] == told
    assert (second.voices["S2"]["name"], second.voices["S2"]["consent"]) == ("Ben", {"kind": "synthetic"})
    assert "Anna" not in str(first.recipe)
    assert studio.run(run.id).provenance["voices"]["S1"]["consent"] == told
    kept = studio.library.rename(anna.id, "Hanna")
    studio.library.save(replace(kept, consent=Consent("own"), notes="Another."))
    reused = []
    again = speak(studio, "dia", {"S1": anna.id, "S2": ben.id}, lambda event: reused.append(event.reused))
    assert reused == [True] * 5 and again.provenance["voices"]["S1"]["name"] == "Hanna"


def test_what_a_sound_was_called_is_no_matter_and_the_oldest_is_forgotten() -> None:
    made: list[Audio] = []
    remembered = Remembered(lambda audio: made.append(audio) or len(made), most=2)
    one, same, other, third = sound(0.1, 1), sound(0.1, 1), sound(0.1, 2), sound(0.1, 3)
    assert [remembered.of(each) for each in (one, same, other, one, third, one, other)] == [1, 1, 2, 1, 3, 1, 4]


@pytest.mark.parametrize("engine_id", CLONING)
def test_a_reference_is_not_encoded_again_after_a_restart(
    engine_id: str, cache: Path, settings: Settings, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = two_voices(studio)
    takes = studio.takes_of(speak(studio, engine_id, {"S1": anna.id, "S2": ben.id}))
    sounds = [take.audio().digest for take in takes]
    codes = {path: path.read_bytes() for path in (settings.data / "models" / "heard" / engine_id).iterdir()}
    assert len(codes) >= 2 and studio.models.row(engine_id).bytes_of_codes == sum(map(len, codes.values()))
    for take in takes:
        studio.takes.delete(take.id)
    studio.close()
    monkeypatch.setattr(CodesOnDisk, "keep", lambda *_: pytest.fail("all of it was on the disk"))
    again = Studio(settings)
    run = speak(again, engine_id, {"S1": anna.id, "S2": ben.id})
    assert [take.audio().digest for take in again.takes_of(run)] == sounds
    assert again.models.delete_copy(engine_id) == sum(map(len, codes.values()))
    assert not [path for path in codes if path.exists()] and not again.models.row(engine_id).bytes_of_codes
    again.close()


def test_codes_on_disk_are_bounded_and_those_that_are_damaged_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk = CodesOnDisk(tmp_path / "heard", "codec 1 on a cpu")
    codes = torch.arange(64).reshape(8, 8)
    on_disk.keep("a", codes)
    found = on_disk.find("a")
    assert found is not None and found.dtype == torch.int64 and torch.equal(found, codes)
    assert on_disk.find("b") is None and CodesOnDisk(on_disk.folder, "codec 2").find("a") is None
    (path,) = on_disk.folder.iterdir()
    for damage in (path.read_bytes()[:-3], b"", b"x" * 100):
        path.write_bytes(damage)
        assert on_disk.find("a") is None
    monkeypatch.setattr(remembered, "MOST_BYTES", 3 * path.stat().st_size + 300)
    for name in "cdef":
        on_disk.keep(name, codes)
    assert on_disk.find("f") is not None and sum(file.stat().st_size for file in on_disk.folder.iterdir()) <= 1000
    taken = tmp_path / "taken"
    taken.write_text("a file where the folder should be", encoding="utf-8")
    CodesOnDisk(taken, "codec").keep("a", codes)  # cannot be written: it is only made again


def times(*words: str) -> tuple[TimedWord, ...]:
    """A word each second, half a second long."""
    return tuple(TimedWord(word, at + 0.25, at + 0.75) for at, word in enumerate(words))


@pytest.mark.parametrize(
    ("known", "words", "starts"),
    [
        (times("Hello", "there,", "you."), ["hello", "there", "you"], [0.25, 1.25, 2.25]),
        (times("ten", "thirty", "now"), ["10", "30", "now"], [0.25, 1.0, 2.25]),  # heard as other words
        (times("one", "three"), ["one", "two", "three"], [0.25, 0.75, 1.25]),  # not heard
        (times("um", "one", "two"), ["one", "two"], [1.25, 2.25]),  # not written
        (times("one"), ["one", "two", "three"], [0.25, 0.75, 1.6]),  # the end was not heard
    ],
    ids=["the same words", "others", "one missing", "one too many", "the rest missing"],
)
def test_words_begin_when_they_were_heard(known: tuple[TimedWord, ...], words: list[str], starts: list[float]) -> None:
    clip = Clip(sound(3.0, 1), " ".join(words), known)
    timed = timed_words(clip, words)
    assert [word.text for word in timed] == words
    assert [word.start for word in timed] == pytest.approx(starts, abs=0.15)


def test_known_times_are_used_by_dia2_and_change_what_it_says(studio: Studio) -> None:
    words = "I speak like this."
    plain = studio.library.add("Plain", Consent("own"), [Recording(sound(3.0, 1), words)])
    late = tuple(TimedWord(word, 2.0 + at / 5, 2.1 + at / 5, 0.9) for at, word in enumerate(words.split()))
    timed = studio.library.add("Timed", Consent("own"), [Recording(sound(3.0, 1), words, late)])
    script = Script.parse("[S1] Hello there, you.")
    takes = [
        studio.takes_of(speak(studio, "dia2-1b", {"S1": voice.id}, script=script))[0].audio()
        for voice in (plain, timed)
    ]
    assert takes[0].digest != takes[1].digest
