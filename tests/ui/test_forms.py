"""Rows of the editor and scripts: what a row may hold, and where a turn came from."""

from __future__ import annotations

import pytest

from studio.advice import advise
from studio.engines import tone
from studio.errors import RequestError, ScriptError
from studio.script import Script, Turn
from studio.ui.forms import Order, RowError, desk_of, note_form, turn_states


def order(*rows: dict[str, object], **more: object) -> Order:
    told = [{"id": f"r{number}", "speaker": "S1", "text": "", "pause": None, **row} for number, row in enumerate(rows)]
    return Order.read({"rows": told, "engine": "tone", **more})


def test_rows_become_turns_and_empty_ones_nothing() -> None:
    written = order({"text": "One."}, {"text": "  "}, {"speaker": "Anna", "text": "Two.", "pause": 1.5}).written()
    assert written.script == Script((Turn("S1", "One."), Turn("Anna", "Two.", 1.5)))
    assert written.owners == (0, 2)


def test_pauses_and_tags_in_a_row_mean_what_they_always_mean() -> None:
    written = order(
        {"speaker": "Anna", "text": "[pause 2s] One [pause 500ms] two [S2] three.", "pause": 1.0},
        {"text": "[pause 1s] Four."},
    ).written()
    assert written.script.lead_in == 2.0
    assert written.script.turns == (
        Turn("Anna", "One", 0.5),
        Turn("Anna", "two"),
        Turn("S2", "three.", 2.0),
        Turn("S1", "Four."),
    )
    assert written.owners == (0, 0, 0, 1)


def test_a_row_that_looks_like_a_name_or_a_cast_stays_words() -> None:
    script = order({"text": "Cast: iron."}, {"text": "Note: one.\nNote: two."}).written().script
    assert [turn.text for turn in script.turns] == ["Cast: iron.", "Note: one. Note: two."]


def test_what_the_page_lays_out_reads_back() -> None:
    script = Script((Turn("S1", "One.", 0.25), Turn("Dr. Ito", "Two (laughs)."), Turn("S1", "Three.")), lead_in=1.0)
    desk = desk_of(script)
    assert Order.read({**desk, "engine": "tone"}).written().script == script
    assert [one["name"] for one in desk["cast"]] == ["S1", "Dr. Ito"]


def test_a_row_that_cannot_be_read_is_named() -> None:
    with pytest.raises(RowError, match="Turn 2: '\\[pause soon\\]' is not a pause") as told:
        order({"text": "One."}, {"text": "Two [pause soon]."}).written()
    assert told.value.row == "r1"
    assert told.value.note["level"] == "error"
    for pause in (float("nan"), -1, 61, "long"):
        with pytest.raises(RowError, match="Turn 1"):
            order({"text": "One.", "pause": pause}).written()


def test_an_empty_desk_is_an_empty_script() -> None:
    with pytest.raises(ScriptError, match="The script is empty"):
        order({"text": ""}).written()


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"rows": 1, "engine": "tone"},
        {"rows": [{"speaker": 1, "text": "a"}], "engine": "tone"},
        {"rows": []},
    ],
    ids=str,
)
def test_what_is_no_order_is_refused(data: object) -> None:
    with pytest.raises(RequestError, match="not a script"):
        Order.read(data)


def test_a_note_is_placed_in_what_was_typed() -> None:
    typed = order({"text": "One.  *Laughing* Two. [pause 1s] *Laughing* Three."})
    written = typed.written()
    notes = [note_form(note, typed, written) for note in advise(written.script, tone.SPEC).notes]
    assert [(note["row"], typed.rows[0].text[note["start"] : note["end"]]) for note in notes] == [
        ("r0", "*Laughing*"),
        ("r0", "*Laughing*"),
    ]
    assert notes[0]["fix"] == {"label": "Write (laughs)", "text": "(laughs)"}


@pytest.mark.parametrize(
    ("done", "now", "phase", "states"),
    [
        (0, None, "loading", "wwd"),
        (0, 0, "speaking", "swd"),
        (1, 1, "speaking", "ssd"),
        (2, 2, "speaking", "dsd"),
        (3, None, "finished", "ddd"),
        (1, 1, "failed", "ffd"),
        (2, None, "stopped", "d.d"),
    ],
)
def test_the_state_of_each_turn(done: int, now: int | None, phase: str, states: str) -> None:
    assert turn_states([(0,), (0, 1), (1,)], done, now, 3, phase) == states
