"""What a person does on the page, in few words, so that the tests read as what they test."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect


def script(page: Page) -> list[list[str]]:
    """The script on the desk as [speaker, text] rows."""
    return page.evaluate("studio.desk.state.rows.map((row) => [row.speaker, row.text])")


def write(page: Page, *turns: str) -> None:
    """Type turns with the keyboard, into the row that has the focus or the last one."""
    if not page.evaluate("document.activeElement.matches('.turns textarea')"):
        page.locator(".turns textarea").last.focus()
    for index, turn in enumerate(turns):
        if index:
            page.keyboard.press("Enter")
        page.keyboard.insert_text(turn)


def choose(page: Page, engine: str) -> None:
    page.locator(f"label[for=engine-{engine}]").click()


def set_parameter(page: Page, name: str, value: float) -> None:
    """Set one of the engine's parameters under "Advanced"."""
    details = page.locator(".advanced")
    if details.get_attribute("open") is None:
        details.locator("summary").click()
    field = page.locator(f".parameter:has(#parameter-{name}) input[type=number]")
    field.fill(str(value))
    field.press("Enter")


def speak(page: Page) -> None:
    page.keyboard.press("Control+Enter")


def phase(page: Page, *phases: str, timeout: int = 15000) -> None:
    """Wait until the dock is in one of these phases."""
    wanted = [f'.dock[data-phase="{name}"]' for name in phases]
    page.locator(", ".join(wanted)).wait_for(timeout=timeout)


def finished(page: Page, timeout: int = 20000) -> dict[str, Any]:
    """Wait for the end and give what the live player counted."""
    phase(page, "finished", timeout=timeout)
    return page.evaluate("studio.player.stats || {}")


def player(page: Page) -> dict[str, Any]:
    return page.evaluate(
        "({position: studio.player.position, seconds: studio.player.seconds, playing: studio.player.playing})"
    )


def problem(page: Page) -> str:
    """The message in the dock."""
    box = page.locator(".dock-problem")
    expect(box).to_be_visible()
    return box.inner_text()
