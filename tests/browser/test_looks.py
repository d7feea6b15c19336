"""How the page holds up: accessibility in light and dark, a telephone, many visitors, no request to anybody else."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from gradio_client import Client
from playwright.sync_api import Page, expect

from tests.browser.acts import choose, finished, phase, speak, write
from tests.browser.conftest import Open
from tests.browser.serving import Served

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def faults(page: Page) -> list[str]:
    """What axe calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


# What can be pressed, unless it is drawn only for the keyboard; a box to tick counts with its label.
SMALL = """() => [...document.querySelectorAll("button, input, select, summary")].filter((one) => {
  const named = one.id && document.querySelector(`label[for="${one.id}"]`);
  const label = one.closest(".engine") || one.closest("label") || named;
  const {width, height} = (["checkbox", "radio"].includes(one.type) && label || one).getBoundingClientRect();
  const reach = one.matches(".swatch") ? 18 : 0;
  return one.checkVisibility({visibilityProperty: true}) && !one.disabled && width && !one.closest("[aria-hidden=true]")
    && (height + reach < 40 || (width + reach < 40 && !one.matches(".mark, .cut-handle")));
}).map((one) => one.outerHTML.slice(0, 120))"""


def misfits(page: Page) -> list[str]:
    """What reaches beyond the page, and, for fingers, what is smaller than 40 pixels."""
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return (["the page is too wide"] if wide else []) + (
        page.evaluate(SMALL) if page.evaluate("matchMedia('(pointer: coarse)').matches") else []
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desk", "phone"])
def test_no_serious_fault_and_nothing_overflows(open_page: Open, shots: Path, scheme: str, device: str) -> None:
    options: dict[str, Any] = PHONE if device == "phone" else {"viewport": {"width": 1280, "height": 860}}
    page = open_page(color_scheme=scheme, **options)
    assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
    assert faults(page) == []
    page.screenshot(path=shots / f"empty-{device}-{scheme}.png")
    choose(page, "tone")
    write(page, "Well, that is *one* word. *laughs*", "And a pause.", "Averylongwordthatdoesnotfitanywhere" * 3)
    page.locator(".turns textarea").nth(1).focus()
    page.keyboard.press("Alt+p")
    page.locator(".advanced summary").click()
    speak(page)
    finished(page)
    expect(page.locator(".note").first).to_be_visible()
    assert faults(page) == []
    assert misfits(page) == []
    page.screenshot(path=shots / f"finished-{device}-{scheme}.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_menus_dialogs_and_messages_have_no_serious_fault(open_page: Open, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    page.locator(".samples").click()
    expect(page.get_by_role("menuitem").first).to_be_focused()
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(page.locator(".samples")).to_be_focused()
    page.locator(".keys").click()
    assert faults(page) == []
    page.keyboard.press("Escape")
    page.get_by_label("Colour of S1").click()
    assert faults(page) == []
    speak(page)
    expect(page.locator(".dock-problem")).to_be_visible()
    page.evaluate("studio.toast('Something is amiss.', { kind: 'problem', remedy: 'Mend it.' })")
    page.wait_for_timeout(250)
    assert faults(page) == []


def test_light_and_dark_can_be_chosen_and_stay_chosen(page: Page) -> None:
    page.get_by_label("Dark theme").click()
    page.reload()
    page.locator(".sheet[data-ready]").wait_for()
    expect(page.get_by_label("Light theme")).to_be_visible()
    assert page.evaluate("document.body.classList.contains('dark')")


def test_on_other_tabs_the_dock_is_there_when_it_has_something_to_play(page: Page) -> None:
    dock = page.locator(".dock")
    expect(dock).to_be_visible()
    page.get_by_role("tab", name="Compare").click()
    expect(dock).to_be_hidden()
    page.get_by_role("tab", name="Dialogue").click()
    write(page, "Good morning.")
    speak(page)
    finished(page)
    page.get_by_role("tab", name="Compare").click()
    expect(dock).to_be_visible()
    assert (
        page.evaluate("document.querySelector('.dock').getBoundingClientRect().bottom") == page.viewport_size["height"]
    )  # type: ignore[index]


def test_everything_with_the_keyboard_alone(page: Page) -> None:
    """From the first key to the sound, its turns, another voice and another engine, no mouse."""
    page.keyboard.type("Good morning.")
    page.keyboard.press("Enter")
    page.keyboard.type("Good evening.")
    page.keyboard.press("Control+Enter")
    finished(page)
    page.keyboard.press("Alt+Enter")
    page.wait_for_function("studio.player.playing")
    wanted = {"turn-play", "turn-timer", "turn-delete", "add-turn", "engine-hibari", "swatch", "name", "voice", "seed"}
    wanted |= {"dice", "take-play", "dock-speak", "dock-play", "dock-files"}
    for _ in range(60 + 3 * page.locator(".take").count()):  # each take has its own keys
        page.keyboard.press("Tab")
        reached = page.evaluate("document.activeElement.className + ' ' + document.activeElement.id")
        wanted -= {part for part in wanted if part in reached}
    assert wanted == set()


def test_twenty_at_once_are_all_served_in_order(open_page: Open, served: Served) -> None:
    """Three people at pages and seventeen programs; each hears its own words, nobody an error."""
    pages = [open_page() for _ in range(3)]
    for number, page in enumerate(pages):
        choose(page, "tone")
        write(page, f"page {number} says this and that", "and more of it")
    answers: dict[int, Any] = {}

    def call(number: int) -> None:
        client = Client(served.url, verbose=False)
        answers[number] = client.predict(
            script=f"[S1] program number {number} speaks", engine="tone", seed=number, api_name="/speak"
        )

    threads = [threading.Thread(target=call, args=[number]) for number in range(17)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for page in pages:
        speak(page)
    for page in pages:
        assert finished(page, timeout=60_000)["lost"] == 0
    for thread in threads:
        thread.join(60)
    assert time.perf_counter() - begun < 60
    assert sorted(answers) == list(range(17))
    for number, (file, told) in answers.items():
        assert told["state"] == "finished" and told["seed"] == number
        assert Path(file).stat().st_size > 10_000
    phase(pages[0], "finished")
