from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from sqlalchemy import update

from db.clock import now
from db.database import Database
from db.delivery import commitment_requests, commitments, deliveries, outbox, report_objects
from db.tables import Delivery
from dicom_gateway.results.secondary_capture import build_secondary_capture
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.settings import CourierSettings
from domain.film_key import film_key
from tests import checkout, screened_films
from tests.films import real_film
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli

ALL = ["pacs sr", "archive sr", "archive sc"]


@pytest.fixture
def delivered(installed: Database) -> Database:
    """Three deliveries: the SR to two peers, one of whom parked it, and the picture to that one."""
    screened_films.activate_model(installed)
    screened_films.screen(installed, screened_films.receive(installed, real_film()))
    with installed.write() as session:
        (screening,) = outbox.lease(session, rows.LEASE, 9)
        settings = CourierSettings()
        report = build_report(screening, None, settings, "9.9")
        picture = build_secondary_capture(screening, screened_films.draw_rendition(), None, settings, "9.9")
        for built, peers in ((report, ["pacs", "archive"]), (picture, ["archive"])):
            report_objects.store(session, built, peers, screening_id=screening.screening_id)
        outbox.close(session, screening.outbox_id)
    with installed.write() as session:
        for due in deliveries.lease_due(session, rows.LEASE, 9):
            if due.peer == "pacs":
                deliveries.retry_later(session, due.delivery_id, timedelta(0), "nothing answers")
                deliveries.mark_delivered(session, due.delivery_id)
                commitments.want(session, due.delivery_id, timedelta(0))
                commitment_requests.begin(session, "pacs", "2.25.99", timedelta(minutes=1), 9)
            else:
                deliveries.park(session, due.delivery_id, "status 0xA900")
    return installed


def listed(cli: Cli, *words: str) -> list[str]:
    run = cli("deliveries", "list", "--json", *words)
    assert run.returncode == 0, run.stderr
    found = sorted(json.loads(run.stdout), key=lambda row: int(row["delivery_id"]))
    return [f"{row['peer']} {row['kind']}" for row in found]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ALL),
        (["--peer", "archive"], ALL[1:]),
        (["--state", "delivered"], ALL[:1]),
        (["--kind", "sc"], ALL[2:]),
        (["--kind", "refusal"], []),
        (["--peer", "archive", "--kind", "sr"], ALL[1:2]),
        (["--since", "2h"], ALL[:2]),
        (["--since", "2999-01-01"], []),
        (["--since", "2020-01-01T08:00+01:00"], ALL),
        (["--limit", "1"], ALL[2:]),
    ],
)
def test_deliveries_are_filtered(
    words: list[str], found: list[str], quick_cli: Cli, delivered: Database
) -> None:
    with delivered.write() as session:
        hours_ago = now() - timedelta(hours=3)
        session.execute(update(Delivery).where(Delivery.id == 3).values(created_at=hours_ago))

    assert listed(quick_cli, *words) == found


def test_one_delivery_is_shown_with_its_history_and_what_the_object_says(
    quick_cli: Cli, delivered: Database
) -> None:
    shown = json.loads(quick_cli("deliveries", "show", "1", "--json").stdout)

    assert [(event["event"], event["detail"]) for event in shown["history"]] == [
        ("postponed", "nothing answers"),
        ("delivered", None),
        ("commitment asked", "request 2.25.99"),
    ]
    assert shown["delivery"]["commitment"] == "asked"
    assert shown["object"]["study_instance_uid"] == dcmread(real_film()).StudyInstanceUID
    content = "\n".join(shown["content"])
    assert "Certainty of Finding = 90.0 %" in content
    assert "suggestive of pulmonary tuberculosis = Present (52101004, SCT)" in content
    assert "COMPLETE, UNVERIFIED" in content
    table = quick_cli("deliveries", "show", "1").stdout
    for words in ("1 to pacs", "nothing answers", "commitment asked", "Certainty of Finding = 90.0 %"):
        assert words in table


def test_a_picture_is_shown_by_its_facts(quick_cli: Cli, delivered: Database) -> None:
    text = quick_cli("deliveries", "show", "3").stdout

    assert "Secondary Capture Image Storage, JPEG Baseline" in text
    assert f"derived from {dcmread(real_film()).SOPInstanceUID}" in text
    assert "status 0xA900" in text


def test_the_object_is_saved_as_it_is_sent_and_nothing_is_overwritten(
    quick_cli: Cli, delivered: Database, place: Path
) -> None:
    assert quick_cli("deliveries", "show", "1", "--save", "report.dcm").returncode == 0

    saved = (place / "report.dcm").read_bytes()
    assert (place / "report.dcm").stat().st_mode & 0o077 == 0
    with delivered.read() as session:
        (row,) = deliveries.list_deliveries(session, None, 9, peer="pacs")
        stored = report_objects.find_object(session, row.sop_instance_uid)
    assert stored is not None
    assert saved == stored.part10
    assert dcmread(io.BytesIO(saved)).SOPInstanceUID == row.sop_instance_uid
    again = quick_cli("deliveries", "show", "1", "--save", "report.dcm")
    assert again.returncode == 1
    assert "File exists: report.dcm" in again.stderr


@pytest.mark.parametrize(
    ("words", "said", "pending"),
    [
        (["replay", "2"], "1 parked report is sent again", [2]),
        (["replay", "2", "3"], "2 parked reports are sent again", [2, 3]),
        (["replay", "--all"], "2 parked reports are sent again", [2, 3]),
        (["replay", "--kind", "sc"], "1 parked report is sent again", [3]),
        (["replay", "--peer", "pacs"], "0 parked reports are sent again", []),
        (["replay", "--peer", "pacs", "--delivered"], "1 report is sent again", [1]),
        (["replay", "--since", "2999-01-01"], "0 parked reports are sent again", []),
        (["--replay"], "2 parked reports are sent again", [2, 3]),
    ],
)
def test_what_was_parked_is_replayed(
    words: list[str], said: str, pending: list[int], quick_cli: Cli, delivered: Database
) -> None:
    assert quick_cli("deliveries", *words).stdout == said + "\n"

    with delivered.read() as session:
        rows_ = deliveries.list_deliveries(session, None, 9)
    assert sorted(row.delivery_id for row in rows_ if row.state == "pending") == pending
    for number in pending:
        shown = json.loads(quick_cli("deliveries", "show", str(number), "--json").stdout)
        assert shown["history"][-1]["event"] == "pending"
        assert shown["history"][-1]["detail"].startswith("by hand, ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "77"], "there is no delivery 77"),
        (["replay"], "say which"),
        (["replay", "2", "--all"], "say which"),
        (["replay", "1"], "delivery 1 is delivered, not parked"),
        (["replay", "2", "77"], "delivery 77 is unknown"),
        (["replay", "--since", "1h", "--delivered"], "--delivered goes with --peer"),
        (["list", "--since", "yesterday"], "--since yesterday: allowed are"),
        (["list", "--state", "lost"], "--state lost: allowed are pending, delivered, parked"),
        (["--state", "parked", "list"], "options go behind 'list'"),
    ],
)
def test_wrong_words_are_explained(words: list[str], said: str, quick_cli: Cli, delivered: Database) -> None:
    run = quick_cli("deliveries", *words)

    assert run.returncode == 1
    assert said in run.stderr
    with delivered.read() as session:
        states: list[Any] = [row.state for row in deliveries.list_deliveries(session, None, 9)]
    assert states == ["parked", "parked", "delivered"]


def test_the_commands_of_the_documentation_are_commands(quick_cli: Cli, delivered: Database) -> None:
    text = (checkout.DOCS / "dicom" / "delivery.md").read_text("utf-8")
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    commands = [line.split("#")[0].split()[1:] for line in block.strip().splitlines()]

    for words in commands:
        ended = quick_cli(*[word.replace("4711", "2").replace("4712", "3") for word in words])
        assert ended.returncode == 0, f"{words}: {ended.stderr}"
    assert len(commands) >= 6


def test_reports_that_cannot_be_built_are_shown_and_replayed(quick_cli: Cli, delivered: Database) -> None:
    film = rows.receive_and_queue(delivered, "1.2.3.77")
    rows.screen(delivered, film)
    with delivered.write() as session:
        (leased,) = outbox.lease(session, rows.LEASE, 9)
        outbox.park(session, leased.outbox_id, "sr: ValueError: [bold]")

    (parked,) = json.loads(quick_cli("deliveries", "unbuilt", "--json").stdout)
    assert (parked["film_key"], parked["of"]) == (film_key("1.2.3.77"), "screening")
    table = quick_cli("deliveries", "unbuilt").stdout
    assert film_key("1.2.3.77")[:12] in table
    assert "[bold]" in table

    assert "1 reports are built again" in quick_cli("deliveries", "replay", "--unbuilt").stdout
    with delivered.read() as session:
        assert outbox.has_due(session)
    assert json.loads(quick_cli("deliveries", "unbuilt", "--json").stdout) == []
    assert quick_cli("deliveries", "replay", "--unbuilt", "--all").returncode == 1


def test_a_list_without_deliveries_says_why(quick_cli: Cli, installed: Database, place: Path) -> None:
    assert "no peer gets reports; add [[peers]]" in quick_cli("deliveries").stdout
    peer = '[[peers]]\nname = "pacs"\nae_title = "PACS"\nhost = "127.0.0.1"\nport = 104\n'
    (place / "tbscreen.toml").write_text(peer)
    assert quick_cli("deliveries").stdout == "no deliveries, or none that the options name\n"
