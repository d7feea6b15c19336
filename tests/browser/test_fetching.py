"""Models on the page: fetched, stopped, gone on with, checked, deleted, unloaded; a gate; a shared machine."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from studio.engines import tone
from studio.engines.base import Lighter
from studio.hub import ModelFiles
from tests.browser.acts import choose, finished, speak, write
from tests.browser.conftest import Open, Watched
from tests.browser.serving import Served, serve
from tests.browser.test_looks import PHONE, faults
from tests.hubserver import COMMIT, Hub, environment, put
from tests.hubserver import serve as serve_hub
from tests.stand_ins import StandIn, stand_in

__all__ = ["stand_in"]

KOKORO = "onnx-community/Kokoro-82M-v1.0-ONNX"
REPOS = {
    KOKORO: {
        "onnx/model_quantized.onnx": bytes(range(256)) * 30_000,
        "tokenizer.json": b"{}",
        "voices/af_heart.bin": b"1" * 1000,
    },
    "some/gated": {"gated.json": b"1" * 3_000_000},
}
FIRST = ModelFiles("some/first", COMMIT, ("first.safetensors",), 12_000_000)
GATED = f'''
"""An engine whose files are behind a gate; beeps."""
from dataclasses import replace
from studio import hub
from studio.engines.base import Obstacle
from studio.engines.tone import SPEC, load, voice

FILES = (hub.ModelFiles("some/gated", "{COMMIT}", ("gated.json",), 3_000_000, gated=True),)
SPEC = replace(SPEC, id="gated", title="Gated 1B", summary="Speaks behind a gate.")

def obstacle(placement):
    return None if hub.snapshot(FILES[0]) else Obstacle("Its files are not here.", "Accept the terms.")
'''
MAIN = """
import sys
from studio import engines
engines.__path__.append(sys.argv[1])
engines.MODULES = ("tone", "kokoro", "gated")
import app
app.BUILT_IN = "tone"
sys.exit(app.main())
"""


@dataclass(frozen=True)
class Apart:
    """A studio in a process of its own, since the hub's library reads the environment once; and the hub it asks."""

    url: str
    hub: Hub
    home: Path


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Apart]:
    (tmp_path / "gated.py").write_text(GATED, encoding="utf-8")
    with serve_hub(REPOS) as hub:
        hub.gated, hub.token = {"some/gated"}, "hf_mine"
        settings = environment(hub, tmp_path / "hf") | {"STUDIO_DATA": str(tmp_path / "data"), "STUDIO_SHOW_TONE": "1"}
        settings |= {"STUDIO_PORT": "0", "PYTHONPATH": str(Path(__file__).parents[2])}
        del settings["HF_TOKEN"]
        command = [sys.executable, "-c", MAIN, str(tmp_path)]
        with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            url = process.stdout.readline().rpartition(" ")[2].strip()
            try:
                yield Apart(url, hub, tmp_path)
            finally:
                hub.release.set()
                process.terminate()


def card(page: Page, engine: str) -> Locator:
    return page.locator(".engine-off", has=page.locator(f"#engine-{engine}"))


def button(place: Page | Locator, name: str) -> Locator:
    return place.get_by_role("button", name=name)


def unfold(page: Page) -> None:
    """Show the engines that cannot run yet."""
    page.locator(".engines-off > summary").click()


def open_models(page: Page) -> None:
    page.locator(".models > summary").click()


def test_a_grey_engine_is_fetched_stopped_gone_on_with_and_chosen(watched: Watched, apart: Apart) -> None:
    apart.hub.hold_at = 4_000_000
    page = watched.open(apart.url, viewport={"width": 1280, "height": 860})
    kokoro = card(page, "kokoro")
    expect(page.locator(".engines-off > summary")).to_contain_text("Kokoro 82M, Gated 1B")
    expect(kokoro).to_be_hidden()
    expect(page.get_by_label("Voice of S1")).to_be_in_viewport()
    unfold(page)
    expect(page.locator("#engine-kokoro")).to_be_disabled()
    expect(button(kokoro, "Download")).to_have_text("Download 121 MB")
    button(kokoro, "Download").press("Enter")
    expect(kokoro.locator(".stock-words")).to_contain_text("4 MB of 8 MB")
    expect(kokoro.get_by_role("progressbar", name="Download of Kokoro 82M")).to_have_js_property("max", 7_681_002)
    expect(button(kokoro, "Stop")).to_be_focused()
    assert faults(page) == []
    page.keyboard.press("Enter")
    expect(kokoro.locator(".stock-words")).to_have_text("Stopping …")
    apart.hub.release.set()
    expect(kokoro).to_contain_text("4 MB of 121 MB are here.")
    expect(button(kokoro, "Download the other")).to_have_text(re.compile("11[67] MB$"))
    expect(button(kokoro, "Download the other")).to_be_focused()
    apart.hub.asked.clear()
    page.keyboard.press("Enter")
    expect(page.locator("#engine-kokoro")).to_be_enabled()
    expect(page.locator("#engine-kokoro")).to_be_focused()
    (again,) = (line for line in apart.hub.asked if line.startswith("GET") and "onnx/model" in line)
    assert int(again.partition("bytes=")[2].rstrip("-")) >= 3_900_000
    expect(page.locator(".toast")).to_contain_text("Kokoro 82M is here.")
    button(page, "Use it").click()
    assert page.evaluate("studio.desk.state.engine") == "kokoro"


def test_files_are_checked_mended_and_deleted(watched: Watched, apart: Apart) -> None:
    page = watched.open(apart.url, viewport={"width": 1280, "height": 860})
    unfold(page)
    button(card(page, "kokoro"), "Download").click()
    here = page.locator(".toast", has_text="Kokoro 82M is here.")
    button(here, "Close this message").click()
    choose(page, "kokoro")
    open_models(page)
    button(page, "Check the files of Kokoro 82M").click()
    row = page.locator(".models-kept .model")
    expect(row).to_contain_text("3 files, all as published")
    (blob,) = (apart.home / "hf").rglob("onnx/model_quantized.onnx")
    blob.resolve().write_bytes(b"torn")
    button(page, "Check the files of Kokoro 82M").click()
    expect(row).to_contain_text("onnx/model_quantized.onnx is damaged")
    assert faults(page) == []
    apart.hub.hold_at = 4_000_000
    button(row, "Fetch anew").click()
    expect(row.locator(".stock-words")).to_contain_text("4 MB of 8 MB")
    apart.hub.release.set()
    expect(here).to_be_visible()
    assert blob.stat().st_size == 7_680_000
    button(page, "Delete the files of Kokoro 82M").click()
    expect(button(page, "Keep Kokoro 82M")).to_be_focused()
    page.keyboard.press("Enter")
    expect(button(page, "Delete the files of Kokoro 82M")).to_be_focused()
    page.keyboard.press("Enter")
    button(page, "Delete Kokoro 82M").click()
    expect(card(page, "kokoro")).to_contain_text("Download 121 MB")
    expect(page.locator(".models-place")).to_contain_text("Nothing yet.")
    assert page.evaluate("studio.desk.state.engine") == "tone"
    assert not list((apart.home / "hf").rglob("*.onnx"))


def test_a_gate_opens_when_the_terms_are_accepted(watched: Watched, apart: Apart) -> None:
    page = watched.open(apart.url, viewport={"width": 1280, "height": 860})
    unfold(page)
    gated = card(page, "gated")
    expect(gated.get_by_role("link", name="some/gated")).to_have_attribute("href", "https://huggingface.co/some/gated")
    expect(gated).to_contain_text("hf auth login")
    assert button(gated, "Download").count() == 0
    button(gated, "Check again").click()
    expect(gated).to_contain_text("The hub does not give them yet.")
    assert faults(page) == []
    (apart.home / "hf").mkdir(exist_ok=True)
    (apart.home / "hf" / "token").write_text("hf_of_somebody_else")  # as `hf auth login` writes it
    page.reload()
    page.locator(".sheet[data-ready]").wait_for()
    button(gated, "Check again").click()
    expect(gated).to_contain_text("The hub does not give them yet.")
    (apart.home / "hf" / "token").write_text("hf_mine")
    button(gated, "Check again").click()
    button(gated, "Download 3 MB").click()
    expect(page.locator("#engine-gated")).to_be_enabled()
    choose(page, "gated")
    assert "hf_mine" not in page.content()


def test_a_broken_line_is_told_and_a_download_goes_on_over_a_reload(watched: Watched, apart: Apart) -> None:
    apart.hub.fault = (503, "")
    page = watched.open(apart.url, viewport={"width": 1280, "height": 860})
    unfold(page)
    button(card(page, "kokoro"), "Download").click()
    expect(card(page, "kokoro").locator(".stock-failed")).to_contain_text("Try again later.")
    assert faults(page) == []
    apart.hub.fault, apart.hub.hold_at = None, 4_000_000
    button(card(page, "kokoro"), "Download").click()
    expect(card(page, "kokoro").locator(".stock-words")).to_contain_text("4 MB of 8 MB")
    page.reload()
    page.locator(".sheet[data-ready]").wait_for()
    expect(card(page, "kokoro").locator(".stock-words")).to_contain_text("4 MB of 8 MB")
    apart.hub.release.set()
    expect(page.locator("#engine-kokoro")).to_be_enabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desk", "phone"])
def test_the_list_of_models_looks_well(open_page: Open, shots: Path, scheme: str, device: str) -> None:
    options = PHONE if device == "phone" else {"viewport": {"width": 1280, "height": 860}}
    page = open_page(color_scheme=scheme, **options)
    open_models(page)
    expect(page.locator(".models-budget")).to_contain_text("GB")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    page.locator("#models").scroll_into_view_if_needed()
    page.screenshot(path=shots / f"models-{device}-{scheme}.png")


def test_an_engine_is_unloaded(page: Page, served: Served) -> None:
    choose(page, "tone")
    write(page, "one two three")
    speak(page)
    finished(page)
    open_models(page)
    unload = button(page, "Unload Tone")
    unload.click()
    expect(unload).to_have_count(0)
    assert not served.studio.manager.is_loaded("tone")


def test_visitors_of_a_shared_machine_are_offered_nothing(watched: Watched, tmp_path: Path) -> None:
    with serve(tmp_path, host="0.0.0.0") as served:
        page = watched.open(served.url.replace("0.0.0.0", "127.0.0.1"), viewport={"width": 1280, "height": 860})
        served.studio.warm_up("tone")
        open_models(page)
        expect(page.locator(".models-loaded .model")).to_contain_text("Tone")
        assert page.get_by_role("button", name="Unload").count() == 0
        assert page.locator(".offer").count() == 0
        page.context.close()


def test_a_copy_that_loads_faster_is_written_and_deleted(
    watched: Watched, served: Served, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shots: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    stand_in("first", FIRST, copy_bytes=8_000_000)
    put(tmp_path / "hf" / "hub", "some/first", {"first.safetensors": b"x" * 12_000_000})
    page = watched.open(served.url, viewport={"width": 1280, "height": 860})
    open_models(page)
    row = page.locator(".models-kept .model")
    button(page, "Make First load faster").press("Enter")
    expect(row).to_contain_text("Write a copy of 8 MB")
    expect(button(page, "No copy of First")).to_be_focused()
    assert faults(page) == []
    page.locator("#models").screenshot(path=shots / "models-copy-question.png")
    page.keyboard.press("Enter")
    expect(button(page, "Make First load faster")).to_be_focused()
    page.keyboard.press("Enter")
    button(page, "Write the copy of First").click()
    expect(page.locator(".toast")).to_contain_text("First will load in about a second from now on.")
    expect(row).to_contain_text("12 MB · and 8 MB made to load faster")
    expect(button(page, "Make First load faster")).to_have_count(0)
    button(page, "Delete the files of First").click()
    page.locator("#models").screenshot(path=shots / "models-copy-delete.png")
    button(page, "Delete only the copy of First").click()
    expect(button(page, "Make First load faster")).to_be_visible()
    assert served.studio.models.row("first").state == "ready"


@pytest.mark.parametrize(("scheme", "device"), [("light", "desk"), ("dark", "phone")])
def test_precision_is_chosen_where_there_is_a_choice(
    open_page: Open, served: Served, monkeypatch: pytest.MonkeyPatch, shots: Path, scheme: str, device: str
) -> None:
    monkeypatch.setattr(tone, "SPEC", replace(tone.SPEC, memory_gb=4.4, cpu_rtf=15.0, int8=Lighter(3.0, 6.0)))
    monkeypatch.setattr(tone.ToneEngine, "spec", tone.SPEC)
    options = PHONE if device == "phone" else {"viewport": {"width": 1280, "height": 860}}
    page = open_page(color_scheme=scheme, **options)
    menu = page.get_by_label("Precision")
    choose(page, "hibari")
    expect(menu).to_be_hidden()
    choose(page, "tone")
    expect(menu).to_have_value("exact")
    menu.select_option("int8")
    expect(page.locator("#precision-help")).to_contain_text("3 GB of memory instead of 4.4 GB, and about 2.5 times")
    assert faults(page) == []
    page.locator("#settings-title").scroll_into_view_if_needed()
    page.screenshot(path=shots / f"precision-{device}-{scheme}.png")
    write(page, "one two")
    speak(page)
    finished(page)
    assert served.studio.manager.is_loaded("tone", "int8")
    assert served.studio.recent(1)[0].provenance["device"] == "cpu-int8"
    open_models(page)
    expect(page.locator(".models-loaded")).to_contain_text("about 3.0 GB · int8")
    page.reload()
    page.locator(".sheet[data-ready]").wait_for()
    expect(menu).to_have_value("int8")
