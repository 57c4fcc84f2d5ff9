"""Tables in a terminal show all that matters, and no control characters of a header."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from db.database import Database
from db.delivery import deliveries
from db.films import films
from db.models import bundles
from db.worklist import worklist
from db.worklist.studies import StudyHeader
from domain.codes import Doubt, Finding, Priority, Refusal
from domain.notices import NOTICE
from domain.percentages import format_percent
from tbscreen.terminal.terminal_tables import draw_deliveries, draw_models, draw_worklist, shorten_uid
from tests.unit import rows


@pytest.mark.parametrize(
    ("probability", "shown"), [(None, "—"), (0.0, "0.0 %"), (0.1234, "12.3 %"), (1.0, "100.0 %")]
)
def test_percentages(probability: float | None, shown: str) -> None:
    assert format_percent(probability) == shown


@pytest.mark.parametrize(
    ("uid", "shown"), [("1.2.3", "1.2.3"), ("1.2.840.10008.5.1.4.1.1.88.34", "….1.4.1.1.88.34")]
)
def test_long_uids_are_shown_by_their_end(uid: str, shown: str) -> None:
    assert shorten_uid(uid, 14) == shown
    assert len(shorten_uid("1." * 32)) == 13


def test_the_worklist_shows_results_refusals_and_doubts(sqlite_database: Database) -> None:
    rows.register_model(sqlite_database, trained=False)
    screened = rows.receive(
        sqlite_database, "1.1.1", study=StudyHeader("1.1", "A7", "P1", study_date="20240301")
    ).instance_id
    rows.queue(sqlite_database, screened, [Doubt.AGE_UNKNOWN])
    rows.screen(sqlite_database, screened, 0.876, Finding.UNDETERMINED, Priority.MEDIUM)
    refused = rows.receive(sqlite_database, "1.2.1", study="1.2", body_part="HAND").instance_id
    with sqlite_database.write() as session:
        films.refuse(session, refused, Refusal.NOT_CHEST, "a hand")
    rows.receive(sqlite_database, "1.3.1", study="1.3")
    shown = _show(_worklist(sqlite_database))
    lines = [line for line in shown.splitlines() if "DX" in line]
    for words, line in zip(
        (
            ("MEDIUM", "—", "undetermined", "A7", "P1", "2024-03-01", "untrained model, age unknown"),
            ("refused: not_chest", "DX HAND PA: not_chest"),
            ("waiting", "DX CHEST PA: received"),
        ),
        lines,
        strict=True,
    ):
        for word in words:
            assert word in line
    assert NOTICE in shown


def test_the_worklist_shows_the_tb_score_and_no_percentage(sqlite_database: Database) -> None:
    rows.register_model(sqlite_database)
    rows.screen(sqlite_database, rows.receive_and_queue(sqlite_database), 0.876)
    (line,) = [line for line in _show(_worklist(sqlite_database)).splitlines() if "DX" in line]
    assert line.split()[:3] == ["HIGH", "87", "present"]
    assert "%" not in line


@pytest.mark.parametrize("hostile", ["[/red]", "[bold]x[/nothing]", "[link=http://evil.example]x", "\\[/]"])
def test_markup_in_a_header_is_text(sqlite_database: Database, hostile: str) -> None:
    header = StudyHeader("1.2.3", accession_number=hostile, patient_id=hostile)
    rows.receive(sqlite_database, study=header, modality=hostile, body_part=hostile, view_position=hostile)
    shown = _show(_worklist(sqlite_database))
    assert shown.count(hostile) == 5


def test_control_sequences_in_a_header_do_not_reach_the_terminal(sqlite_database: Database) -> None:
    hostile = "\x1b[31mred\x1b]0;title\x07\x9b2J\r\nline"
    rows.receive(sqlite_database, study=StudyHeader("1.2.3", hostile, hostile), body_part=hostile)
    shown = _show(_worklist(sqlite_database))
    assert "\x1b" not in shown
    assert not any(ord(character) < 32 and character != "\n" for character in shown)
    assert "\x9b" not in shown
    assert "line" in shown


def test_deliveries_show_what_a_peer_said(sqlite_database: Database) -> None:
    rows.register_model(sqlite_database)
    rows.screen(sqlite_database, rows.receive_and_queue(sqlite_database))
    rows.report(sqlite_database, ["archive"])
    with sqlite_database.write() as session:
        for due in deliveries.lease_due(session, rows.LEASE, 9):
            deliveries.park(session, due.delivery_id, "status 0xA900 [/red]")
    with sqlite_database.read() as session:
        shown = _show(draw_deliveries(deliveries.list_deliveries(session, None, 9)))
        rows_shown = deliveries.list_deliveries(session, None, 9)
    for word in ("archive", "parked", "sr", "2.25.1", "status 0xA900 [/red]"):
        assert word in shown
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(draw_deliveries(rows_shown))
    assert f"{rows_shown[0].created_at:%Y-%m-%d}" in console.export_text()


def test_models_show_which_is_active(sqlite_database: Database) -> None:
    rows.register_model(sqlite_database, rows.DIGEST, name="first")
    rows.register_model(sqlite_database, rows.OTHER_DIGEST, name="second", trained=False)
    with sqlite_database.read() as session:
        lines = _show(draw_models(bundles.list_models(session))).splitlines()
    (first,) = [line for line in lines if "first" in line]
    (second,) = [line for line in lines if "second" in line]
    assert ("●" in first, "yes" in first, rows.DIGEST[:12] in first) == (False, True, True)
    assert ("●" in second, "no" in second, rows.OTHER_DIGEST[:12] in second) == (True, True, True)


def test_a_retrained_model_is_one_line_of_80_columns(sqlite_database: Database) -> None:
    name, version = "tbscreen-default", "2026.11.30.201552"
    rows.register_model(sqlite_database, rows.DIGEST, name=name, version=version)
    with sqlite_database.read() as session:
        shown = _show(draw_models(bundles.list_models(session)), width=80)
    (line,) = [line for line in shown.splitlines() if rows.DIGEST[:12] in line]
    assert name in line
    assert version in line


def _worklist(database: Database) -> Table:
    with database.read() as session:
        return draw_worklist(worklist.find_page(session).studies)


def _show(table: Table, width: int = 400) -> str:
    output = io.StringIO()
    Console(file=output, width=width).print(table)
    return output.getvalue()
