"""What is kept: the script in the browser and on disk, takes over a restart; and what happens when something fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from studio.engines import tone
from studio.errors import SynthesisError
from tests.browser.acts import choose, finished, phase, player, problem, script, speak, write
from tests.browser.conftest import Open, Watched
from tests.browser.serving import Served, serve


def test_a_reload_finds_the_desk_as_it_was(page: Page) -> None:
    write(page, "One.", "Two.")
    choose(page, "tone")
    page.get_by_label("Voice of S2").select_option("high")
    seed = page.locator(".seed").input_value()
    page.reload()
    page.locator(".sheet[data-ready]").wait_for()
    assert script(page) == [["S1", "One."], ["S2", "Two."]]
    assert page.evaluate("studio.desk.state.engine") == "tone"
    assert page.get_by_label("Voice of S2").input_value() == "high"
    assert page.locator(".seed").input_value() == seed


def test_a_restart_keeps_takes_and_script(watched: Watched, tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        page = watched.open(served.url, viewport={"width": 1280, "height": 860})
        choose(page, "tone")
        write(page, "one two three", "four five six")
        speak(page)
        finished(page)
        page.wait_for_timeout(1700)  # the draft goes to disk after a rest in writing
        page.context.close()
    with serve(tmp_path) as served:
        page = watched.open(served.url, viewport={"width": 1280, "height": 860})  # a browser that remembers nothing
        assert script(page) == [["S1", "one two three"], ["S2", "four five six"]]
        take = page.locator(".take")
        expect(take).to_have_count(1)
        expect(take).to_contain_text("one two three")
        take.locator(".take-play").click()
        page.wait_for_function("studio.player.playing")
        assert player(page)["seconds"] > 1
        expect(page.locator('.turn[data-heard="true"]')).to_have_count(2)
        expect(page.locator(".turn").first).to_have_attribute("data-sounding", "true")
        page.context.close()


def test_a_take_brings_back_its_script_and_settings(page: Page, served: Served) -> None:
    choose(page, "tone")
    page.locator(".seed").fill("77")
    page.locator(".seed").press("Enter")
    write(page, "alpha beta", "gamma delta")
    page.get_by_label("Voice of S1").select_option("deep")
    speak(page)
    finished(page)
    page.locator(".clear").click()
    page.locator(".dice").click()
    choose(page, "hibari")
    take = page.locator(".take").first
    take.hover()
    take.locator(".take-restore").click()
    expect(page.locator(".turn")).to_have_count(2)
    assert script(page) == [["S1", "alpha beta"], ["S2", "gamma delta"]]
    assert page.evaluate("[studio.desk.state.engine, studio.desk.state.seed]") == ["tone", 77]
    assert page.get_by_label("Voice of S1").input_value() == "deep"


def test_a_take_is_deleted_after_a_question(page: Page, served: Served) -> None:
    choose(page, "tone")
    write(page, "to be deleted")
    speak(page)
    finished(page)
    count = len(served.studio.recent(100))
    take = page.locator(".take").first
    take.hover()
    take.locator(".take-delete").click()
    page.keyboard.press("Enter")  # the focus is on Keep
    expect(page.locator(".take").first).to_contain_text("to be deleted")
    page.locator(".take").first.hover()
    page.locator(".take").first.locator(".take-delete").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".take", has_text="Delete this take?")).to_have_count(0)
    expect(page.locator(".take", has_text="to be deleted")).to_have_count(0)
    assert len(served.studio.recent(100)) == count - 1


def test_an_empty_script_is_told_near_the_button(page: Page) -> None:
    speak(page)
    assert "The script is empty." in problem(page)
    page.locator(".dock-problem button").click()
    expect(page.locator(".dock-problem")).to_be_hidden()
    speak(page)
    problem(page)
    write(page, "Now it is not.")
    expect(page.locator(".dock-problem")).to_be_hidden()


def test_a_failing_engine_tells_why_and_what_to_do(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: tone.ToneEngine, request: object) -> object:
        raise SynthesisError("The tone generator is out of tune.", "Try another seed.")
        yield

    monkeypatch.setattr(tone.ToneEngine, "synthesize", fails)
    choose(page, "tone")
    write(page, "words that fail today", "more")
    speak(page)
    phase(page, "failed")
    assert "The tone generator is out of tune. Try another seed." in problem(page).replace("\n", " ")
    expect(page.locator(".turn").first).to_have_attribute("data-state", "failed")
    assert script(page) == [["S1", "words that fail today"], ["S2", "more"]]
    expect(page.locator('.take[data-state="failed"]').first).to_contain_text("failed, 0 of 2 passages")
    monkeypatch.undo()
    speak(page)
    finished(page)
    expect(page.locator(".dock-problem")).to_be_hidden()


def test_an_error_without_words_is_told_too(
    page: Page, watched: Watched, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*order: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(served.studio, "request", breaks)
    choose(page, "tone")
    write(page, "words that break the studio")
    speak(page)
    phase(page, "failed")
    assert "The studio broke off." in problem(page)
    watched.problems.clear()
    monkeypatch.undo()
    speak(page)
    finished(page)


def test_engines_that_cannot_run_are_grey_and_say_why(page: Page, served: Served) -> None:
    page.locator(".engines-off > summary").click()
    for row in served.studio.engines():
        if row.obstacle:
            radio = page.locator(f"#engine-{row.spec.id}")
            expect(radio).to_be_disabled()
            told = page.locator(f"#{radio.get_attribute('aria-describedby')}")
            if told.get_by_role("button", name="Download").count():
                continue  # better than a remedy to read
            expect(told).to_contain_text(row.obstacle.reason)
            if told.get_by_role("button", name="Check again").count():  # its makers ask to accept terms first
                expect(told.get_by_role("link")).to_have_attribute("href", re.compile("^https://huggingface.co/"))
                expect(told).to_contain_text("hf auth login")
            else:
                for words in row.obstacle.remedy.replace("Run: ", "").split(", ", 1):
                    expect(told).to_contain_text(words)
            page.locator(f"label[for=engine-{row.spec.id}]").click(force=True)
    assert page.evaluate("studio.desk.state.engine") == "hibari"
    ready = [row.spec.id for row in served.studio.engines() if not row.obstacle]
    page.locator("#engine-hibari").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("studio.desk.state.engine") == ready[1]


def test_the_cast(page: Page, open_page: Open) -> None:
    write(page, "One.", "Two.")
    name = page.get_by_label("Name of S1")
    name.fill("Anna: [x]")
    name.press("Enter")
    assert script(page) == [["Anna x", "One."], ["S2", "Two."]]
    page.get_by_label("Name of S2").fill("Anna x")
    page.get_by_label("Name of S2").press("Enter")
    expect(page.locator(".toast")).to_contain_text("already a speaker")
    assert script(page)[1][0] == "S2"
    page.get_by_label("Colour of S2").click()
    page.get_by_label("Colours for S2").get_by_label("Colour 6").click()
    expect(page.locator(".turn").nth(1)).to_have_attribute("data-colour", "5")
    page.get_by_role("button", name="Add a speaker").click()
    expect(page.locator(".member")).to_have_count(3)
    page.get_by_label("Remove S3").click()
    expect(page.locator(".member")).to_have_count(2)
    expect(page.get_by_label("Voice of S2").locator("option").first).to_have_text("Low (chosen for you)")
    page.locator(".turns textarea").first.focus()
    page.get_by_label("Speaker of turn 1").focus()
    page.get_by_label("Speaker of turn 1").select_option(label="New speaker")
    assert script(page)[0][0] == "S3"
