"""Writing a script with the keyboard: turns, speakers, pauses, paste, undo."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.acts import choose, script, write

PASTED = (
    "Cast: Mary, Tom\n\nMary: Did you hear that? [pause 1.5s]\nTom: It is only the wind.\nMary: The wind has a key."
)


def caret(page: Page) -> list[int]:
    """Row and place of the caret."""
    return page.evaluate(
        "[[...document.querySelectorAll('.turns textarea')].indexOf(document.activeElement),"
        " document.activeElement.selectionStart]"
    )


def test_the_first_row_is_ready_to_write_in(page: Page) -> None:
    page.keyboard.type("Hello.")
    assert script(page) == [["S1", "Hello."]]


def test_enter_opens_a_turn_of_the_next_speaker(page: Page) -> None:
    write(page, "One.", "Two.", "Three.")
    assert script(page) == [["S1", "One."], ["S2", "Two."], ["S1", "Three."]]


def test_enter_splits_at_the_caret_and_backspace_joins_there(page: Page) -> None:
    write(page, "Hello there friend")
    for _ in range(len(" friend")):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert script(page) == [["S1", "Hello there"], ["S2", "friend"]]
    assert caret(page) == [1, 0]
    page.keyboard.press("Backspace")
    assert script(page) == [["S1", "Hello there friend"]]
    assert caret(page) == [0, len("Hello there")]


def test_backspace_in_an_empty_turn_goes_back(page: Page) -> None:
    write(page, "One.", "")
    page.keyboard.press("Backspace")
    page.keyboard.type(" Still one.")
    assert script(page) == [["S1", "One. Still one."]]


def test_delete_at_the_end_joins_with_what_follows(page: Page) -> None:
    write(page, "One.", "Two.")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    page.keyboard.press("Delete")
    assert script(page) == [["S1", "One. Two."]]


def test_alt_and_arrows_move_a_turn_and_keep_the_caret(page: Page) -> None:
    write(page, "One.", "Two.", "Three.")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    assert [text for _, text in script(page)] == ["Three.", "One.", "Two."]
    page.keyboard.type("!")
    page.keyboard.press("Alt+ArrowDown")
    assert [text for _, text in script(page)] == ["One.", "Three.!", "Two."]


def test_alt_s_gives_the_turn_to_the_next_speaker(page: Page) -> None:
    write(page, "One.")
    page.keyboard.press("Alt+s")
    assert script(page) == [["S2", "One."]]
    page.keyboard.press("Alt+s")
    page.keyboard.type(" More.")
    assert script(page) == [["S1", "One. More."]]


def test_arrows_walk_through_the_script_and_shift_enter_makes_no_turn(page: Page) -> None:
    write(page, "One.", "Two.")
    page.keyboard.press("ArrowUp")
    assert caret(page)[0] == 0
    page.keyboard.press("ArrowDown")
    assert caret(page)[0] == 1
    page.keyboard.press("Shift+Enter")
    assert len(script(page)) == 2


def test_undo_and_redo_go_through_typing_and_structure(page: Page) -> None:
    write(page, "One.")
    page.keyboard.press("Enter")
    page.keyboard.type("Two.")
    page.keyboard.press("Alt+s")
    page.keyboard.press("Alt+ArrowUp")
    states = [script(page)]
    for _ in range(5):
        page.keyboard.press("Control+z")
        states.append(script(page))
    assert states == [
        [["S1", "Two."], ["S1", "One."]],
        [["S1", "One."], ["S1", "Two."]],
        [["S1", "One."], ["S2", "Two."]],
        [["S1", "One."], ["S2", ""]],
        [["S1", "One."]],
        [["S1", ""]],
    ]
    for expected in reversed(states[:-1]):
        page.keyboard.press("Control+Shift+z")
        assert script(page) == expected
    expect(page.locator(".redo")).to_be_disabled()


def test_a_pause_is_set_with_the_keyboard_and_taken_away(page: Page) -> None:
    write(page, "One.", "Two.")
    page.keyboard.press("Alt+p")
    page.keyboard.type("2.5")
    page.keyboard.press("Tab")
    assert page.evaluate("studio.desk.state.rows[1].pause") == 2.5
    page.get_by_label("Leave the pause after turn 2 to the studio").click()
    assert page.evaluate("studio.desk.state.rows[1].pause") is None


def paste(page: Page, text: str) -> None:
    page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+v")


def test_a_pasted_script_becomes_turns(page: Page) -> None:
    page.locator(".turns textarea").focus()
    paste(page, PASTED)
    expect(page.locator(".turn")).to_have_count(3)
    assert script(page) == [
        ["Mary", "Did you hear that?"],
        ["Tom", "It is only the wind."],
        ["Mary", "The wind has a key."],
    ]
    assert page.evaluate("studio.desk.state.rows[0].pause") == 1.5
    assert page.evaluate("studio.desk.state.cast.map((one) => one.name)") == ["Mary", "Tom"]
    page.keyboard.press("Control+z")
    assert script(page) == [["S1", ""]]


def test_a_script_pasted_inside_a_turn_keeps_what_stands_around(page: Page) -> None:
    write(page, "Before after")
    for _ in range(len("after")):
        page.keyboard.press("ArrowLeft")
    paste(page, "[S1] One.\n[S2] Two.")
    expect(page.locator(".turn")).to_have_count(4)
    assert script(page) == [["S1", "Before"], ["S1", "One."], ["S2", "Two."], ["S1", "after"]]


def test_one_pasted_line_is_only_text(page: Page) -> None:
    write(page, "Say: ")
    paste(page, "hello Mary: hello")
    assert script(page) == [["S1", "Say: hello Mary: hello"]]


def test_a_sample_an_undo_and_a_clear_desk(page: Page) -> None:
    page.locator(".sample", has_text="Radio scene").click()
    page.locator(".turn").nth(3).wait_for()
    assert script(page)[0] == ["Mary", "Did you hear that? It came from under the floor."]
    expect(page.locator(".lead")).to_contain_text("starts after 1 s")
    page.locator(".clear").click()
    assert script(page) == [["Mary", ""]]
    page.get_by_role("button", name="Undo", exact=True).last.click()
    assert script(page)[0][0] == "Mary" and len(script(page)) > 3


def test_files_are_read_and_bad_ones_are_told(page: Page) -> None:
    chooser = page.locator("input[type=file]")
    subtitles = "1\n00:00:01,000 --> 00:00:02,000\nANNA: Hello.\n\n2\n00:00:03,000 --> 00:00:04,000\nBEN: Hi, Anna.\n"
    chooser.set_input_files({"name": "talk.srt", "mimeType": "text/plain", "buffer": subtitles.encode()})
    expect(page.locator(".turn")).to_have_count(2)
    before = script(page)
    chooser.set_input_files({"name": "talk.txt", "mimeType": "text/plain", "buffer": b"%PDF-1.4 \x00\x01"})
    expect(page.locator(".dock-problem")).to_contain_text("is a PDF, not plain text")
    assert script(page) == before


def test_export_writes_what_import_reads(page: Page) -> None:
    write(page, "One.", "Two.")
    for form in ("Text", "JSON"):
        page.locator(".export").click()
        with page.expect_download() as told:
            page.get_by_role("menuitem", name=form).click()
        before = script(page)
        page.locator(".clear").click()
        page.locator("input[type=file]").set_input_files(
            told.value.path().rename(
                told.value.path().with_suffix("." + told.value.suggested_filename.rpartition(".")[2])
            )
        )
        expect(page.locator(".turn")).to_have_count(2)
        assert script(page) == before


def test_cues_go_in_at_the_caret_and_are_there_only_for_engines_that_perform_them(page: Page) -> None:
    expect(page.locator(".cues")).to_be_hidden()
    choose(page, "tone")
    write(page, "Well, that is funny")
    for _ in range(len(" that is funny")):
        page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="(laughs)").click()
    page.keyboard.type("!")
    assert script(page) == [["S1", "Well, (laughs)! that is funny"]]


def test_a_note_stands_at_its_turn_and_mends_it_with_one_click(page: Page) -> None:
    choose(page, "tone")
    write(page, "One.", "Two. *laughing* Three.")
    note = page.locator(".turn").nth(1).locator(".note")
    expect(note).to_contain_text("(laughs)")
    note.get_by_role("button").click()
    assert script(page)[1] == ["S2", "Two. (laughs) Three."]
    expect(note).to_have_count(0)


def test_a_pause_that_cannot_be_read_is_told_at_its_turn(page: Page) -> None:
    write(page, "One.", "Two [pause soon] two.")
    expect(page.locator(".turn").nth(1).locator(".note.error")).to_contain_text("'[pause soon]' is not a pause")


def test_the_estimate_follows_the_writing(page: Page) -> None:
    expect(page.locator(".dock-estimate")).to_have_text("Nothing to say yet")
    write(page, "This is a sentence that takes a few seconds to say.", "And this is another one.")
    expect(page.locator(".dock-estimate")).to_contain_text("About 0:0")
    expect(page.locator(".dock-estimate")).to_contain_text("2 passages, on this computer’s processor")


def work_seconds(page: Page, act: Callable[[], object]) -> float:
    """What the page's own thread works for it, whatever else the machine does."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def worked() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))

    begun = worked()
    act()
    found = worked() - begun
    session.detach()
    return found


def test_long_scripts_stay_quick(page: Page) -> None:
    work = {}
    for turns in (10, 200):
        page.locator(".turns textarea").first.focus()
        paste(page, "\n".join(f"[S{1 + n % 2}] Turn {n} with some words in it, as a turn has." for n in range(turns)))
        page.wait_for_function(f"document.querySelectorAll('.turn').length >= {turns}")
        count = page.locator(".turn").count()
        page.locator(".turns textarea").nth(count // 2).focus()
        page.wait_for_timeout(500)  # what follows the pasting is over
        typing = work_seconds(page, lambda: page.keyboard.type("x" * 50))
        enter = work_seconds(page, lambda: page.keyboard.press("Enter"))
        expect(page.locator(".turn")).to_have_count(count + 1)
        work[turns] = typing, enter
    for short, long in zip(work[10], work[200], strict=True):
        assert long < 5 * short + 0.05, work
