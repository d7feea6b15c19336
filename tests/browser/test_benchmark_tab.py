"""The Benchmark tab: measuring is begun, followed, paused, heard, compared and taken away as files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.benchmark.bench import Benchmarks
from studio.metrics import Missing
from tests.browser.conftest import Open
from tests.browser.serving import Served
from tests.browser.test_looks import PHONE, faults, misfits


@pytest.fixture(autouse=True)
def not_alone(monkeypatch: pytest.MonkeyPatch, served: Served) -> Iterator[None]:
    """No process of its own for an engine: that takes seconds and is tested elsewhere."""
    monkeypatch.setattr("studio.benchmark.probe.probe", lambda *_: Missing("a test"))
    yield


def tab(page: Page) -> Page:
    page.get_by_role("tab", name="Benchmark").click()
    page.locator(".bench[data-ready]").wait_for()
    return page


def measure(page: Page, suite: str = "quick", times: str = "1") -> None:
    page.locator("#bench-engine-hibari").uncheck()
    page.locator("#bench-engine-tone").check()
    page.locator("#bench-suite").select_option(suite)
    page.locator("#bench-repeats").fill(times)
    page.locator("#bench-judge").uncheck()
    expect(page.locator(".bench-estimate")).to_contain_text("about")
    page.locator(".bench-begin").click()


def opens_offline(browser: Browser, report: Path) -> None:
    """A report plays from a file, without a network, and asks nobody for anything."""
    context = browser.new_context(offline=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    told: list[str] = []
    page.on("request", lambda request: told.append(request.url[:5]))
    page.on("console", lambda line: told.append(line.text))
    page.goto(report.as_uri())
    assert page.locator("svg.plot").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("document.querySelector('audio').play()")
    while page.evaluate("document.querySelector('audio').currentTime") == 0:
        page.wait_for_timeout(20)
    assert set(told) <= {"file:", "data:"} and told.count("file:") == 1, told
    context.close()


def test_from_the_first_key_to_the_files(open_page: Open, browser: Browser, shots: Path, tmp_path: Path) -> None:
    page = tab(open_page())
    measure(page)
    expect(page.locator(".bench-live")).to_be_visible()
    expect(page.locator(".bench-live")).to_be_hidden(timeout=60_000)
    expect(page.locator("[data-cell]")).to_have_count(3, timeout=10_000)
    expect(page.locator(".bench-plot")).to_have_count(2)
    expect(page.locator(".bench-plot").first).to_contain_text("real time")
    page.locator("[data-cell]").nth(1).focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.bench-audio').currentTime > 0")
    for button, ending in (("Report", ".html"), ("CSV", ".csv"), ("RTF as SVG", ".svg"), ("RTF as PNG", ".png")):
        with page.expect_download() as told:
            page.get_by_role("button", name=button, exact=True).click()
        assert told.value.suggested_filename.endswith(ending) and told.value.path().stat().st_size > 300
    with page.expect_download() as told:
        page.get_by_role("button", name="Report", exact=True).click()
    told.value.save_as(tmp_path / "report.html")
    opens_offline(browser, tmp_path / "report.html")
    measure(page)
    expect(page.locator(".bench-live")).to_be_visible()
    expect(page.locator(".bench-live")).to_be_hidden(timeout=60_000)
    expect(page.locator("[data-cell]")).to_have_count(3, timeout=10_000)
    expect(page.locator("#bench-with option")).to_have_count(2, timeout=10_000)
    page.locator("#bench-with").select_option(index=1)
    expect(page.locator(".bench-told")).to_contain_text("than 10 %")
    page.screenshot(path=shots / "benchmark.png", full_page=True)


def test_a_library_voice_is_chosen_and_rows_are_turned_over(open_page: Open, served: Served) -> None:
    page = tab(open_page())
    page.locator(".bench-voices summary").click()
    page.get_by_label("S1", exact=True).select_option("v-sample-wren")
    measure(page)
    expect(page.locator(".bench-live")).to_be_visible()
    expect(page.locator(".bench-live")).to_be_hidden(timeout=60_000)
    expect(page.locator(".bench-warning", has_text="No engine here follows recordings")).to_be_visible(timeout=10_000)
    store = Benchmarks(served.studio).store
    made = store.recent(1)[0]
    assert made.plan["voices"] == {"S1": "v-sample-wren"}
    rows = store.rows(made.id)
    store.put_all(made.id, (replace(rows[at % 3], cell=at) for at in range(1000)))
    page.locator(".bench-history button").first.click()
    expect(page.locator(".bench-pages")).to_contain_text("Rows 801 to 1000 of 1000")
    page.get_by_role("button", name="First", exact=True).click()
    expect(page.locator(".bench-pages")).to_contain_text("Rows 1 to 200 of 1000")
    expect(page.locator('[data-cell="0"]')).to_be_visible()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.locator(".bench-pages")).to_contain_text("Rows 201 to 400 of 1000")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Really delete?").click()
    expect(page.locator(".bench-shown")).to_be_hidden()


def test_it_rests_and_goes_on_after_the_page_was_left(open_page: Open) -> None:
    page = tab(open_page())
    measure(page, "short-lines", "3")
    expect(page.locator("[data-cell]").first).to_be_visible(timeout=30_000)
    page.reload()
    page.locator(".sheet[data-ready]").wait_for()
    tab(page)
    page.locator(".bench-pause").click()
    expect(page.locator(".bench-live")).to_be_hidden(timeout=30_000)
    expect(page.locator(".bench-history [aria-current]")).to_contain_text("paused", timeout=10_000)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".bench-live")).to_be_visible()
    page.locator(".bench-stop").click()
    expect(page.locator(".bench-history [aria-current]")).to_contain_text("stopped", timeout=30_000)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Really delete?").click()
    expect(page.locator(".bench-shown")).to_be_hidden()


def test_the_guide_tells_what_suits_and_why(open_page: Open) -> None:
    page = tab(open_page())
    page.locator(".bench-guide summary").click()
    hibari = page.locator(".bench-answers > li", has_text="Hibari")
    expect(hibari).to_contain_text("suits")
    page.get_by_label("Voices that I bring").check()
    expect(hibari).to_contain_text("does not suit")
    expect(hibari).to_contain_text("cannot follow recorded voices")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desk", "phone"])
def test_no_serious_fault_and_nothing_overflows(
    open_page: Open, served: Served, shots: Path, scheme: str, device: str
) -> None:
    page = tab(open_page(color_scheme=scheme, timezone_id="Asia/Kolkata", **(PHONE if device == "phone" else {})))
    if not page.locator(".bench-history button").count():
        measure(page)
        expect(page.locator("[data-cell]")).to_have_count(3, timeout=60_000)
        expect(page.locator(".bench-live")).to_be_hidden(timeout=30_000)
    created = datetime.fromisoformat(Benchmarks(served.studio).store.recent(1)[0].created)
    local = created.astimezone(ZoneInfo("Asia/Kolkata")).strftime("%I:%M")
    expect(page.locator(".bench-history").get_by_role("button").first).to_contain_text(local)
    for fold in page.locator(".bench-fold summary").all():
        fold.click()
    expect(page.locator(".bench-answers > li").first).to_be_visible()
    assert faults(page) == []
    assert misfits(page) == []
    page.screenshot(path=shots / f"benchmark-{device}-{scheme}.png", full_page=True)
