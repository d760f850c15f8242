"""Tables in a terminal of any width."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from spanledger_server.cli import format as shown
from spanledger_server.cli.terminal import GAP, LEAST_TEXT, MOST_TEXT, Column, Sheet, fitted, say_further

COLUMNS = (
    Column("at", leaves=2),
    Column("name", text=True),
    Column("service", text=True, leaves=3),
    Column("cost", right=True),
    Column("calls", right=True, leaves=1),
)
ROW = ("11-21 14:49:23", "a name of some length", "语音-pipeline", "$0.00844775", "18")


def drawn(width: int, *rows: tuple[str | Text, ...], columns: tuple[Column, ...] = COLUMNS) -> list[str]:
    out = io.StringIO()
    sheet = Sheet(*columns)
    for row in rows:
        sheet.add(*row)
    sheet.show(Console(file=out, width=width, markup=False, highlight=False, emoji=False))
    return out.getvalue().splitlines()


def test_with_room_enough_everything_is_shown_and_numbers_stand_right():
    heading, row, short = drawn(200, ROW, ("", "b", "", "$1", "2"))
    assert heading == "at              name                   service               cost  calls"
    assert row == "11-21 14:49:23  a name of some length  语音-pipeline  $0.00844775     18"
    assert short.endswith("$1      2")


def test_text_is_cut_before_a_column_is_left_out():
    heading, row = drawn(62, ROW)
    assert heading.split() == ["at", "name", "service", "cost", "calls"]
    assert row.count("…") == 2
    assert "$0.00844775" in row


def test_where_a_list_goes_on_is_told_in_one_line_and_not_at_its_end():
    out = io.StringIO()
    narrow = Console(file=out, width=30, force_terminal=True, no_color=True)
    say_further(narrow, {"next_cursor": "x" * 90})
    assert f"more: --cursor {'x' * 90}" in out.getvalue()
    say_further(narrow, {"next_cursor": None})
    assert out.getvalue().count("more") == 1


def test_what_has_no_room_is_named():
    _, row, *note = drawn(45, ROW)
    assert row == "11-21 14:49:23  a name o…  $0.00844775     18"
    assert " ".join(note).startswith("no room for service:")


@given(
    st.integers(1, 150), st.lists(st.sampled_from(["", "x", "长" * 9, "word " * 30, "1" * 40]), min_size=5, max_size=5)
)
def test_a_row_never_exceeds_its_terminal_but_for_what_may_not_be_cut(width: int, cells: list[str]):
    natural = [max(cell_len(column.name), cell_len(cell)) for column, cell in zip(COLUMNS, cells, strict=True)]
    widths = fitted(COLUMNS, natural, width)
    assert {1, 3} <= set(widths)
    for index, given_width in widths.items():
        if COLUMNS[index].text:
            assert min(natural[index], LEAST_TEXT) <= given_width <= min(natural[index], MOST_TEXT)
        else:
            assert given_width == natural[index]
    total = sum(widths.values()) + len(GAP) * (len(widths) - 1)
    needed = min(natural[1], LEAST_TEXT) + len(GAP) + natural[3]
    assert total <= max(width, needed)


def test_names_cannot_break_the_table_or_the_terminal():
    row = ("", "a\x1b[31m\r\n\u202e[bold]" + "x" * 4000, "", "1", "")
    line = drawn(10**4, row)[1]
    assert "a�[31m���[bold]xxx" in line
    assert len(line) < 300
    styled = ("", Text("b\x1b", style="red"), "", "1", "")
    assert "b�" in drawn(80, styled)[1]


@pytest.mark.parametrize(
    ("share", "bar"), [(None, ""), (0, ""), (1, "████"), (0.5, "██"), (0.53, "██▏"), (0.00001, "▏"), (7, "████")]
)
def test_a_bar_is_true_to_an_eighth_of_a_column(share: float | None, bar: str):
    assert shown.bar(share, 4) == bar


def test_moments_are_to_the_second():
    assert shown.moment("2026-11-21T14:49:23.474275723Z") == "2026-11-21 14:49:23"
    assert shown.clock("2026-11-21T14:49:23Z") == "11-21 14:49:23"
    assert shown.moment(None) == shown.clock(None) == "—"
