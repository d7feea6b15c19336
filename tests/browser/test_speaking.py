"""Speaking: sound while it is made, progress, stop, the player, and what is kept of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from studio import soundfiles
from studio.events import Event, Sound
from tests.browser.acts import choose, finished, phase, player, script, set_parameter, speak, write
from tests.browser.conftest import Open
from tests.browser.serving import Served

# Listens in at the live player: the loudest sample of the last 43 ms.
LEVEL = """() => {
  const { output } = studio.player.stats;
  window.ear ??= (() => { const ear = output.context.createAnalyser(); output.connect(ear); return ear; })();
  const samples = new Float32Array(window.ear.fftSize);
  window.ear.getFloatTimeDomainData(samples);
  return Math.max(...samples.map(Math.abs));
}"""


def slow(page: Page, work_seconds: float = 0.2) -> None:
    """The stand-in engine, taking its time."""
    choose(page, "tone")
    set_parameter(page, "work_seconds", work_seconds)


def test_written_spoken_heard(page: Page, served: Served) -> None:
    write(page, "Good morning to you.", "And a very good evening to you.")
    speak(page)
    stats = finished(page)
    assert stats["pieces"] > 2 and stats["lost"] == 0 and stats["gaps"] == 0
    page.wait_for_function(LEVEL.replace("return Math.max", "return 0.01 < Math.max"))
    assert player(page)["playing"] and 2 < player(page)["seconds"] < 8
    expect(page.locator('.turn[data-state="done"]')).to_have_count(2)
    expect(page.locator(".dock-status")).to_contain_text("of sound, made in")
    run = served.studio.recent(1)[0]
    assert (
        run.state == "finished" and str(run.script) == "[S1] Good morning to you.\n[S2] And a very good evening to you."
    )
    page.wait_for_function("!studio.player.playing", timeout=10_000)
    assert player(page)["position"] == pytest.approx(run.seconds, abs=0.1)


def test_the_first_sound_comes_at_once(page: Page, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[float] = []
    really = served.studio.speak

    def noted(*order: Any) -> Iterator[Event | None]:
        for event in really(*order):
            if isinstance(event, Sound):
                made.append(time.time() * 1000)
            yield event

    monkeypatch.setattr(served.studio, "speak", noted)
    slow(page, 0.3)
    write(page, "One two three four five six.")
    speak(page)
    finished(page)
    heard = page.evaluate("performance.timeOrigin + studio.player.stats.firstSoundAt")
    assert heard - made[0] < 300


def test_slow_speech_is_heard_whole_although_it_has_gaps(page: Page) -> None:
    slow(page, 0.4)
    write(page, "one two three four", "five six")
    speak(page)
    stats = finished(page)
    assert stats["lost"] == 0 and stats["pieces"] >= 7 and 1 <= stats["gaps"] <= 6


def test_fast_speech_loses_nothing(page: Page) -> None:
    choose(page, "tone")
    set_parameter(page, "word_seconds", 0.05)
    write(page, *[f"one two three four five six seven eight nine {n}" for n in range(20)])
    speak(page)
    stats = finished(page)
    assert stats["pieces"] > 200 and stats["lost"] == 0  # gaps there are where others keep the machine busy


def test_progress_is_shown_turn_by_turn(page: Page) -> None:
    slow(page)
    write(page, "one two three four five", "six seven eight nine ten", "eleven")
    speak(page)
    expect(page.locator(".turn").nth(1)).to_have_attribute("data-state", "speaking")
    assert [page.locator(".turn").nth(n).get_attribute("data-state") for n in (0, 2)] == ["done", "waiting"]
    expect(page.locator(".dock-status")).to_have_text("Speaking turn 2 of 3")
    finished(page)
    expect(page.locator('.turn[data-state="done"]')).to_have_count(3)


def test_stop_stops_within_a_step(page: Page, served: Served) -> None:
    slow(page, 0.2)
    write(page, "one two three four five six seven eight", "nine ten eleven twelve")
    speak(page)
    expect(page.locator(".turn").first).to_have_attribute("data-state", "speaking")
    page.wait_for_function("studio.player.stats.pieces > 1")
    begun = time.perf_counter()
    page.locator(".dock-speak").click()
    while served.studio.runner.busy():
        assert time.perf_counter() - begun < 1.0
        time.sleep(0.01)
    phase(page, "stopped")
    expect(page.locator(".dock-status")).to_have_text("Stopped in turn 1 of 2")
    assert not player(page)["playing"]
    assert served.studio.recent(1)[0].state == "stopped"
    page.locator(".dock-play").click()
    page.wait_for_function("studio.player.playing")
    speak(page)
    finished(page)


def test_stop_and_speak_again_at_once(page: Page) -> None:
    slow(page, 0.2)
    write(page, "one two three four five six seven eight")
    speak(page)
    phase(page, "speaking")
    speak(page)
    phase(page, "stopped")
    set_parameter(page, "work_seconds", 0)
    speak(page)
    finished(page)


def test_leaving_the_page_stops_too(page: Page, served: Served) -> None:
    slow(page, 0.5)
    write(page, "one two three four five six seven eight nine ten")
    speak(page)
    phase(page, "speaking")
    page.close()
    begun = time.perf_counter()
    while served.studio.runner.busy():
        assert time.perf_counter() - begun < 5
        time.sleep(0.05)


def test_the_second_in_line_is_told_so(page: Page, open_page: Open) -> None:
    slow(page, 0.4)
    write(page, "one two three four five")
    other = open_page()
    choose(other, "tone")
    write(other, "six")
    speak(page)
    phase(page, "speaking")
    speak(other)
    expect(other.locator(".dock-status")).to_have_text("You are next")
    finished(page)
    finished(other)


def spoken(page: Page) -> None:
    """Three turns of 1.0, 0.6 and 1.0 seconds, finished and silent."""
    choose(page, "tone")
    write(page, "one two three four five", "six seven eight", "nine ten eleven twelve thirteen")
    speak(page)
    finished(page)
    page.evaluate("studio.player.pause()")


def test_a_turn_is_heard_alone_and_lights_up(page: Page) -> None:
    spoken(page)
    page.locator(".turn").nth(1).hover()
    page.get_by_role("button", name="Hear turn 2").click()
    expect(page.locator(".turn").nth(1)).to_have_attribute("data-sounding", "true")
    page.wait_for_function("!studio.player.playing")
    start, end = page.evaluate("Object.values(studio.player.reading.spans[1])")
    assert player(page)["position"] == pytest.approx(end, abs=0.15) and start > 1
    expect(page.locator("[data-sounding]")).to_have_count(0)


def test_marks_keys_and_the_slider_move_the_player(page: Page) -> None:
    spoken(page)
    spans = page.evaluate("studio.player.reading.spans")
    page.locator('.mark[data-turn="2"]').click()
    page.wait_for_function("studio.player.playing")
    expect(page.locator(".turn").nth(2)).to_have_attribute("data-sounding", "true")
    page.locator(".turns textarea").first.focus()
    page.keyboard.press("Escape")
    page.keyboard.press(" ")
    assert not player(page)["playing"]
    page.keyboard.press("ArrowLeft")
    assert player(page)["position"] < spans[2]["start"]
    page.locator(".dock-slider").focus()
    page.keyboard.press("Home")
    assert player(page)["position"] == 0
    page.keyboard.press("PageDown")
    assert player(page)["position"] == pytest.approx(spans[1]["start"], abs=0.06)
    expect(page.locator(".dock-slider")).to_have_attribute("aria-valuetext", "0:01 of 0:03")
    box = page.locator(".dock-slider").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
    assert player(page)["position"] == pytest.approx(player(page)["seconds"] / 2, abs=0.1)


def test_keys_do_not_reach_the_player_while_one_writes(page: Page) -> None:
    spoken(page)
    page.locator(".turns textarea").first.focus()
    page.keyboard.press("End")
    page.keyboard.type(" a b")
    assert script(page)[0][1] == "one two three four five a b"
    assert not player(page)["playing"]


def test_a_changed_turn_no_longer_offers_its_old_sound(page: Page) -> None:
    spoken(page)
    page.locator(".turns textarea").nth(1).focus()
    page.keyboard.type("Not ")
    expect(page.locator(".turn").nth(1)).to_have_attribute("data-heard", "false")
    expect(page.locator(".turn").nth(0)).to_have_attribute("data-heard", "true")
    page.keyboard.press("Control+z")
    expect(page.locator(".turn").nth(1)).to_have_attribute("data-heard", "true")


def test_the_same_seed_gives_the_same_sound(page: Page, served: Served) -> None:
    choose(page, "tone")
    page.locator(".seed").fill("41")
    page.locator(".seed").press("Enter")
    write(page, "one two three")
    for _ in range(2):
        speak(page)
        finished(page)
        page.evaluate("studio.player.pause()")
    page.locator(".dice").click()
    rolled = int(page.locator(".seed").input_value())
    speak(page)
    phase(page, "finished")
    page.wait_for_function("studio.player.reading.run")
    expect(page.locator(".take")).not_to_have_count(0)
    page.wait_for_timeout(300)
    last, again, first = served.studio.recent(3)
    assert (first.seed, again.seed, last.seed) == (41, 41, rolled)
    sounds = [soundfiles.read(run.output).digest for run in (first, again, last) if run.output]  # labels have their run
    assert sounds[0] == sounds[1] != sounds[2]


def test_sampling_comes_from_the_engine_and_can_be_reset(page: Page, served: Served) -> None:
    choose(page, "tone")
    set_parameter(page, "word_seconds", 0.5)
    write(page, "one two")
    speak(page)
    finished(page)
    assert served.studio.recent(1)[0].sampling["word_seconds"] == 0.5
    page.get_by_role("button", name="Reset Seconds a word to 0.2").click()
    assert page.evaluate("studio.desk.order().sampling") == {}
    set_parameter(page, "word_seconds", 99)
    assert page.evaluate("studio.desk.order().sampling") == {"word_seconds": 1}


@pytest.mark.parametrize("form", ["WAV", "FLAC", "MP3"])
def test_the_sound_can_be_taken_away(page: Page, form: str) -> None:
    choose(page, "tone")
    write(page, "one two three")
    speak(page)
    finished(page)
    page.locator(".dock-files").click()
    with page.expect_download() as told:
        page.get_by_role("menuitem", name=form).click()
    assert told.value.suggested_filename == f"one-two-three.{form.lower()}"
    assert told.value.path().stat().st_size > 1000


def test_what_a_busy_browser_missed_it_asks_for(page: Page) -> None:
    choose(page, "tone")
    set_parameter(page, "word_seconds", 0.05)
    write(page, *[f"one two three four five six seven eight nine {n}" for n in range(8)])
    speak(page)
    page.evaluate("setTimeout(() => { const end = performance.now() + 700; while (performance.now() < end); }, 60)")
    stats = finished(page)
    assert stats["lost"] == 0
    page.wait_for_function("studio.player.stats.pieces > 85")
