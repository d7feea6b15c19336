"""From a script to passages, and from passages to kept takes and one file: with the tone engine, end to end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from studio import soundfiles
from studio.audio import Audio, silence
from studio.engines import tone
from studio.engines.base import EngineSpec, Limits, Speech, WordTime
from studio.errors import (
    EngineUnavailable,
    OutOfMemory,
    RequestError,
    ScriptError,
    SynthesisError,
    UnknownCast,
    UnknownEngine,
    UnknownVoice,
)
from studio.events import Assembling, Finished, Loading, Planned, Sound, Speaking, Spoke, Waiting
from studio.jobs import JobRunner
from studio.passages import plan
from studio.request import SpeechRequest
from studio.script import Script, Turn
from studio.settings import Settings
from studio.studio import Studio

DUO = "[S1] Hello there. [pause 1.5s]\n[S2] Hi, how are you?\n[S1] Fine."
DIALOGUE = replace(tone.SPEC, limits=Limits(characters=60, seconds=60, turns=4, alternate=True), max_speakers=2)


def texts(script: Script, spec: EngineSpec) -> list[list[tuple[str, str]]]:
    return [[(turn.speaker, turn.text) for turn in passage.script.turns] for passage in plan(script, spec)]


def speak(studio: Studio, text: str = DUO, **sampling: float) -> list[object]:
    request = studio.request(Script.parse(text), "tone", {}, {"word_seconds": 0.1, **sampling}, seed=7)
    return [event for event in studio.speak("tone", request) if event is not None]


def test_each_turn_is_a_passage_and_a_long_one_is_cut_at_sentences() -> None:
    script = Script((Turn("S1", "One two. " * 100), Turn("S2", "Short.")))
    passages = plan(script, tone.SPEC)
    assert [passage.turns for passage in passages] == [(0,), (0,), (1,)]
    assert all(len(passage.script.turns[0].text) <= 600 for passage in passages)
    assert " ".join(p.script.turns[0].text for p in passages[:2]).split() == ("One two. " * 100).split()


def test_a_dialogue_engine_gets_whole_turns_of_at_most_two_speakers_and_merged_neighbours() -> None:
    script = Script.parse("[S1] a\n[S1] b\n[S2] c\n[S3] d\n[S1] e [pause 2s]\n[S1] f")
    assert texts(script, DIALOGUE) == [
        [("S1", "a b"), ("S2", "c")],
        [("S3", "d"), ("S1", "e")],
        [("S1", "f")],
    ]
    assert plan(script, DIALOGUE)[1].pause_after == 2.0


def test_cues_the_engine_does_not_know_never_reach_it() -> None:
    script = Script.parse("[S1] Well (coughs) hello (laughs)\n[S2] (coughs)\n[S1] Bye.")
    assert texts(script, tone.SPEC) == [[("S1", "Well hello (laughs)")], [("S1", "Bye.")]]
    with pytest.raises(ScriptError, match="nothing to say"):
        plan(Script.parse("[S1] (coughs)\n[S2] (sneezes)"), tone.SPEC)


def test_the_pause_of_a_turn_that_is_left_out_stays(studio: Studio) -> None:
    run = speak(studio, "[S1] (coughs) [pause 1s]\n[S1] a [pause 1s]\n[S2] (coughs) [pause 2s]\n[S1] b")[-1].run
    first, second = run.timings
    assert first.start == pytest.approx(1, abs=0.005) and second.start - first.end == pytest.approx(3, abs=0.005)


def test_speaking_tells_its_story_in_order_and_leaves_a_file_with_exact_pauses(studio: Studio) -> None:
    events = speak(studio)
    kinds = [type(event) for event in events if not isinstance(event, Sound)]
    spoken = [Planned, Speaking, Loading, Spoke, Speaking, Spoke, Speaking, Spoke]
    assert kinds == [*spoken, *[Assembling] * 4, Finished]
    assert [event.share for event in events if isinstance(event, Assembling)] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    run = events[-1].run
    first, second, _ = run.timings
    assert second.start - first.end == pytest.approx(1.5, abs=0.005)
    assert [timing.speaker for timing in run.timings] == ["S1", "S2", "S1"]
    sound = soundfiles.read(run.output)
    assert sound.seconds == pytest.approx(run.seconds, abs=0.001)
    assert run.seconds == pytest.approx(7 * 0.1 + 1.5 + 0.35, abs=0.05)
    assert run.state == "finished" and run.loudness_lufs == pytest.approx(-16, abs=0.3)
    played = sum(event.audio.seconds for event in events if isinstance(event, Sound))
    assert played == pytest.approx(run.seconds, abs=0.05)


def test_the_same_request_is_not_made_twice_and_gives_the_same_samples(studio: Studio) -> None:
    first, second = speak(studio), speak(studio)
    assert [event.reused for event in second if isinstance(event, Spoke)] == [True] * 3
    assert not [event for event in second if isinstance(event, Loading)]
    assert soundfiles.read(first[-1].run.output).digest == soundfiles.read(second[-1].run.output).digest
    changed = speak(studio, DUO.replace("Fine.", "Splendid."))
    assert [event.reused for event in changed if isinstance(event, Spoke)] == [True, True, False]
    request = studio.request(Script.parse(DUO), "tone", {}, {"word_seconds": 0.1}, seed=7)
    fresh = [event for event in studio.speak("tone", request, fresh=True) if isinstance(event, Spoke)]
    assert [event.reused for event in fresh] == [False] * 3


def test_an_engine_that_continues_is_given_the_passages_before(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    class Continuing(tone.ToneEngine):
        def synthesize(self, request: SpeechRequest) -> Generator[Audio, None, None]:
            given.append([(str(spoken.script), spoken.audio.seconds) for spoken in request.context])
            yield from super().synthesize(request)

    monkeypatch.setattr(tone, "SPEC", replace(tone.SPEC, context_passages=1))
    monkeypatch.setattr(tone, "load", lambda placement: Continuing())
    speak(studio, "[S1] a\n[S2] b c\n[S2] d\n[S2] e\n[S1] f")
    a, b, d, e = ("[S1] a", 0.1), ("[S2] b c", 0.2), ("[S2] d", 0.1), ("[S2] e", 0.1)
    assert given == [[], [a], [b], [b, d], [a, e]]  # the newest, and where each speaker was first heard


@pytest.mark.parametrize(("failures", "says"), [(1, ""), (2, "ran out of memory")])
def test_when_memory_runs_out_the_others_go_and_it_is_tried_once_more(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, failures: int, says: str
) -> None:
    left = [failures]

    class Hungry(tone.ToneEngine):
        def synthesize(self, request: SpeechRequest) -> Generator[Audio, None, None]:
            if left[0]:
                left[0] -= 1
                raise MemoryError
            yield from super().synthesize(request)

    monkeypatch.setattr(tone, "load", lambda placement: Hungry())
    with nullcontext() if not says else pytest.raises(OutOfMemory, match=says):
        speak(studio)
    assert studio.recent()[0].state == ("failed" if says else "finished")


def test_whatever_a_model_raises_becomes_an_error_for_a_person(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(tone.ToneEngine):
        def synthesize(self, request: SpeechRequest) -> Generator[Audio, None, None]:
            yield from super().synthesize(request)
            raise KeyError("layer 3")

    monkeypatch.setattr(tone, "load", lambda placement: Broken())
    with pytest.raises(SynthesisError, match="layer 3"):
        speak(studio)
    run = studio.recent()[0]
    assert run.state == "failed" and "layer 3" in run.error and run.takes == ()


def test_an_idle_engine_is_unloaded(tmp_path: Path) -> None:
    studio = Studio(Settings(tmp_path, device="cpu", show_tone=True, idle_minutes=0.2 / 60))
    speak(studio)
    deadline = time.monotonic() + 3
    while studio.manager.loaded() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert studio.manager.loaded() == ()
    studio.close()


def test_turns_of_one_passage_begin_with_their_words(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    class Timed(tone.ToneEngine):
        def synthesize(self, request: SpeechRequest) -> Speech:
            yield silence(0.5, 24000)
            yield from super().synthesize(request)
            return tuple(WordTime(turn, "a", start) for turn, start in ((0, 0.5), (1, 0.6), (1, 0.7), (2, 0.9)))

    limits = Limits(characters=100, seconds=60, turns=3)
    monkeypatch.setattr(tone, "SPEC", replace(tone.SPEC, limits=limits))
    monkeypatch.setattr(tone, "load", lambda placement: Timed())
    run = speak(studio, "[S1] a\n[S2] b c d\n[S1] e")[-1].run
    assert len(run.takes) == 1 and len(studio.takes_of(run)[0].words) == 4
    starts = [timing.start for timing in run.timings]
    assert starts == [0.0, pytest.approx(0.1, abs=0.005), pytest.approx(0.4, abs=0.005)]
    assert run.timings[1].end == starts[2]


def test_a_take_says_everything_needed_to_make_it_again(studio: Studio) -> None:
    run = speak(studio)[-1].run
    take = studio.takes_of(run)[0]
    record = json.loads(take.path.with_suffix(".json").read_text())
    assert record["recipe"]["engine"] == "tone" and record["recipe"]["seed"] == 7
    assert {"revision", "device", "packages", "studio", "script", "voices", "sampling", "context"} <= set(
        record["recipe"]
    )
    assert take.work_seconds >= 0 and take.verdict.kind == "ok"


def test_closing_stops_within_a_step_and_keeps_what_was_finished(studio: Studio) -> None:
    request = studio.request(Script.parse(DUO), "tone", {}, {"work_seconds": 0.05}, seed=1)
    stream = studio.speak("tone", request)
    for event in stream:
        if isinstance(event, Speaking) and event.passage == 1:
            break
    stream.close()
    deadline = time.monotonic() + 1
    while studio.runner.busy() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not studio.runner.busy()
    run = studio.recent()[0]
    assert run.state == "stopped" and len(run.takes) == 1 and run.passages == 3
    assert not list(studio.settings.data.rglob("*.part"))


def test_requests_that_cannot_be_met_say_so(studio: Studio) -> None:
    script = Script.parse(DUO)
    cases = [
        (UnknownEngine, "toen", {}, {}, 0, "tone"),
        (UnknownVoice, "tone", {"S1": "hihg"}, {}, 0, "high"),
        (UnknownCast, "tone", {"Bob": "high"}, {}, 0, "S1, S2"),
        (RequestError, "tone", {}, {"word_seconds": float("nan")}, 0, "0.05 to 1"),
        (RequestError, "tone", {}, {"word_seconds": -1}, 0, "0.05 to 1"),
        (RequestError, "tone", {}, {"speed": 1}, 0, "no setting"),
        (RequestError, "tone", {}, {}, -1, "seed"),
    ]
    for error, engine, voices, sampling, seed, says in cases:
        with pytest.raises(error, match=says):
            studio.request(script, engine, voices, sampling, seed)
    with pytest.raises(UnknownCast, match="too few voices"):
        studio.request(Script.parse("[S1] a\n[S2] b\n[S3] c"), "tone", {}, {}, 0)
    with pytest.raises(RequestError, match="characters"):
        studio.request(Script((Turn("S1", "a" * 300_000),)), "tone", {}, {}, 0)
    with pytest.raises(RequestError, match="no run"):
        studio.run("20260101-000000-abcdef")
    with pytest.raises(RequestError, match="not the id"):
        studio.run("../../etc")


def test_what_can_never_fit_is_refused_before_anything_is_closed(tmp_path: Path) -> None:
    studio = Studio(Settings(tmp_path, device="cpu", budget_gb=0.001, show_tone=True))
    with pytest.raises(EngineUnavailable, match="0.0 GB can be had"):
        speak(studio)
    assert studio.recent()[0].state == "failed"
    studio.close()


def test_export_writes_once_in_every_format_and_delete_removes_the_run(studio: Studio) -> None:
    run = speak(studio)[-1].run
    for form in soundfiles.FORMATS:
        path = studio.export(run.id, form)
        assert soundfiles.read(path).seconds == pytest.approx(run.seconds, abs=0.1)
    assert studio.export(run.id, "flac").stat().st_mtime == path.with_suffix(".flac").stat().st_mtime
    studio.delete_run(run.id)
    assert studio.recent() == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_script(studio: Studio) -> None:
    process = psutil.Process()

    def peak(turns: int) -> int:
        script, most = Script(tuple(Turn(f"S{1 + i % 2}", "word " * 100) for i in range(turns))), 0
        for _ in studio.speak("tone", studio.request(script, "tone", {}, {"word_seconds": 0.5}, seed=turns)):
            most = max(most, process.memory_info().rss)
        return most

    short = peak(4)  # imports and first allocations with it
    assert peak(16) - short < 30e6  # the sound that comes on top is 58 MB
    assert studio.recent()[0].seconds > 800


def test_jobs_run_in_order_on_one_thread_and_positions_are_told() -> None:
    runner, threads, gate = JobRunner(), set(), threading.Event()

    def work() -> object:
        threads.add(threading.get_ident())
        gate.wait(5)
        yield "done"

    results: list[list[object]] = [[] for _ in range(4)]

    def follow(index: int) -> None:
        results[index].extend(event for event in runner.run(work) if event is not None)

    followers = []
    for index in range(4):
        followers.append(threading.Thread(target=follow, args=(index,)))
        followers[-1].start()
        while runner.busy() < index + 1:
            time.sleep(0.001)
    time.sleep(0.3)
    gate.set()
    for follower in followers:
        follower.join(5)
    assert [row[-1] for row in results] == ["done"] * 4
    assert results[3][0] == Waiting(3) and len(threads) == 1
    runner.close()


def test_a_job_that_fails_tells_its_reader_and_the_next_one_runs() -> None:
    runner = JobRunner()

    def broken() -> object:
        yield 1
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(runner.run(broken))

    def sound() -> object:
        yield 2

    assert list(runner.run(sound)) == [2]
    runner.close()


KILLED = """
import sys
from pathlib import Path
from studio.settings import Settings
from studio.studio import Studio
from studio.script import Script
from studio.events import Spoke
studio = Studio(Settings(Path(sys.argv[1]), device="cpu", show_tone=True))
script = Script.parse("[S1] one two [S2] three four [S1] five six")
for event in studio.speak("tone", studio.request(script, "tone", {}, {"work_seconds": 0.2}, 3)):
    if isinstance(event, Spoke) and event.passage == 1:
        print("now", flush=True)
"""


def test_a_killed_process_loses_no_finished_take(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "now\n"
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    studio = Studio(Settings(tmp_path, device="cpu", show_tone=True))
    run = studio.recent()[0]
    assert run.state == "unfinished" and len(run.takes) == 2 and len(studio.takes_of(run)) == 2
    assert not list(tmp_path.rglob("*.part"))
    again = studio.request(run.script, "tone", run.voices, run.sampling, run.seed)
    spoke = [event.reused for event in studio.speak("tone", again) if isinstance(event, Spoke)]
    assert spoke == [True, True, False]
    assert np.isfinite(studio.recent()[0].seconds)
    studio.close()


def test_a_broken_engine_is_a_grey_row_and_the_others_speak(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.engines.MODULES", ("tone", "gone"))
    rows = {row.spec.id: row.obstacle for row in studio.engines()}
    assert rows["tone"] is None and rows["gone"] is not None and "gone" in rows["gone"].reason
    assert speak(studio)[-1].run.state == "finished"
