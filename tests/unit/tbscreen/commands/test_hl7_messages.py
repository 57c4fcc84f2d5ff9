"""`tbscreen deliveries hl7`: messages listed, shown and sent again."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from db.database import Database
from db.hl7 import hl7_messages
from db.worklist.studies import StudyHeader
from dicom_gateway.hl7.message_round import MessageRound
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.settings import CourierSettings
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli


@pytest.fixture
def messages(installed: Database) -> Database:
    """A result on its way to two receivers, of which one refused it."""
    rows.register_model(installed)
    header = StudyHeader("1.2.3", "ACC1", "4711", "Doe^Jane")
    rows.screen(installed, rows.receive_and_queue(installed, study=header))
    receivers = [{"name": name, "host": "h", "port": 1} for name in ("ris", "his")]
    settings = MessageSettings.model_validate({"receivers": receivers})
    MessageRound(installed, settings, CourierSettings()).make_due(threading.Event())
    with installed.write() as session:
        (due,) = hl7_messages.lease_due(session, timedelta(minutes=5), 9, "ris")
        hl7_messages.park(session, due.message_id, "AE 101: PID-3 \x1b[31m", "AE")
    return installed


def listed(cli: Cli, *words: str) -> list[str]:
    run = cli("deliveries", "hl7", "list", "--json", *words)
    assert run.returncode == 0, run.stderr
    return [f"{row['receiver']} {row['state']} {row['kind']}" for row in json.loads(run.stdout)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["his pending result", "ris parked result"]),
        (["--state", "parked"], ["ris parked result"]),
        (["--receiver", "his"], ["his pending result"]),
        (["--since", "2999-01-01"], []),
        (["--limit", "1"], ["his pending result"]),
    ],
)
def test_messages_are_filtered(
    words: list[str], found: list[str], quick_cli: Cli, messages: Database
) -> None:
    assert listed(quick_cli, *words) == found
    if not found:
        assert quick_cli("deliveries", "hl7", "list", *words).stdout.startswith("no messages, or none ")


def test_a_message_is_shown_as_it_is_sent(quick_cli: Cli, messages: Database) -> None:
    table = quick_cli("deliveries", "hl7", "list").stdout
    assert "AE 101" in table
    assert "\x1b[31m" not in table
    shown = quick_cli("deliveries", "hl7", "show", "1").stdout
    assert "PID|1||4711||Doe^Jane" in shown
    content = json.loads(quick_cli("deliveries", "hl7", "show", "1", "--json").stdout)["content"]
    assert content.startswith("MSH|^~\\&|TBSCREEN|")
    unknown = quick_cli("deliveries", "hl7", "show", "99")
    assert unknown.returncode != 0
    assert "there is no message 99" in unknown.stderr


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--receiver", "ris"], 1),
        (["--receiver", "his"], 0),
        (["1", "2"], 1),
        (["--since", "1h"], 1),
        (["--all"], 1),
    ],
)
def test_parked_messages_are_sent_again(
    words: list[str], count: int, quick_cli: Cli, messages: Database
) -> None:
    run = quick_cli("deliveries", "hl7", "replay", *words)
    assert run.stdout == f"{count} HL7 messages are sent again\n"
    assert listed(quick_cli, "--state", "parked") == ["ris parked result"] * (1 - count)


def test_all_that_is_parked_is_also_messages(quick_cli: Cli, messages: Database) -> None:
    assert "1 HL7 message is sent again" in quick_cli("deliveries", "replay", "--all").stdout


@pytest.mark.parametrize("words", [[], ["--all", "--receiver", "ris"], ["--since", "1h", "--delivered"]])
def test_a_replay_says_which(words: list[str], quick_cli: Cli, messages: Database) -> None:
    assert quick_cli("deliveries", "hl7", "replay", *words).returncode != 0
