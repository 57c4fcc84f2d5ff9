"""`tbscreen pull`: what it says when it cannot begin, and how far it is."""

from __future__ import annotations

import io
import json
import re
import tomllib
from datetime import date, time, timedelta

import pytest
from rich.console import Console

from db.database import Database
from db.pulls import listed_studies, pulled_studies, pulls
from db.pulls.listed_studies import FetchDecision, ListedStudy
from dicom_gateway.retrieval.pull_progress import PullProgress
from tbscreen.settings import Settings
from tbscreen.terminal.pull_bar import PullBar
from tests import checkout
from tests.servers.ports import free_port
from tests.unit.tbscreen.conftest import Cli, assert_one_line

DAYS = ["--from", "2026-11-01", "--to", "2026-11-07"]


def peers(port: int = 104) -> str:
    return json.dumps([{"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": port}])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--peer", "nobody", *DAYS], "--peer nobody: the settings' [[peers]] are pacs"),
        (["--peer", "pacs", "--from", "2026-11-07", "--to", "2026-11-01"], "--to 2026-11-01 lies before"),
        (["--peer", "pacs", *DAYS, "--method", "send"], "--method send: "),
        (["--peer", "pacs", *DAYS, "--modality", "D/X"], "--modalities D/X: "),
    ],
)
def test_what_cannot_work_is_one_line(quick_cli: Cli, words: list[str], said: str) -> None:
    assert_one_line(quick_cli("pull", *words, PEERS=peers()), said)


def test_a_pacs_that_does_not_answer_is_said(cli: Cli, installed: Database) -> None:
    run = cli("pull", "--peer", "pacs", *DAYS, PEERS=peers(free_port()), PULL__PATIENCE_S="0")
    assert run.returncode == 1
    assert "no gateway runs on" in run.stderr
    assert "tbscreen: pacs: nothing answers at 127.0.0.1:" in run.stderr
    assert "Traceback" not in run.stderr


def test_pulls_and_what_did_not_come_are_shown(quick_cli: Cli, installed: Database) -> None:
    assert quick_cli("pulls").stdout == "nothing was pulled, and no schedule has begun\n"
    with installed.write() as session:
        pull_id = pulls.begin(
            session, "night", "pacs", ("20261101", "20261107"), "here:1", timedelta(minutes=1)
        )
        assert pull_id is not None
        found = [ListedStudy("1.2.3", 2), ListedStudy("1.2.4", 1)]
        listed_studies.record_listed(session, pull_id, found, retry_failed=False)
        study = pulled_studies.take(session, pull_id, "here:1")
        assert study is not None
        assert pulled_studies.mark_failed(session, study, 1, "1 of 2 films did not come")
    (row,) = json.loads(quick_cli("pulls", "--json").stdout)
    assert (row["name"], row["state"], row["wanted"], row["failed"]) == ("night", "running", 1, 1)
    (failed,) = json.loads(quick_cli("pulls", "--failed", "--json").stdout)
    assert (failed["study_instance_uid"], failed["films"]) == ("1.2.3", 1)
    (shown,) = [line for line in quick_cli("pulls").stdout.splitlines() if "night" in line]
    assert "2026-11-01 to 2026-11-07" in shown
    assert "1 of 2 films did not come" in " ".join(quick_cli("pulls", "--failed").stdout.split())
    assert_one_line(quick_cli("pulls", "--forget"), "--forget goes with --failed")
    assert quick_cli("pulls", "--failed", "--forget").stdout == "1 studies are forgotten\n"
    assert quick_cli("pulls", "--failed").stdout == "no study is incomplete\n"
    assert json.loads(quick_cli("pulls", "--failed", "--json").stdout) == []
    with installed.write() as session:
        counts = listed_studies.record_listed(session, pull_id, found, retry_failed=False)
    assert counts[FetchDecision.TO_FETCH] == 2, "what the PACS still lists is found anew"


def test_the_bar_says_how_far_it_is_and_what_it_waits_for_once() -> None:
    output = io.StringIO()
    with PullBar(Console(file=output, force_terminal=True, width=120)) as bar:
        bar(PullProgress(found=10))
        bar(PullProgress(found=10, here=2, complete=1, films=2))
        bar(PullProgress(found=10, here=2, complete=2, failed=1, films=3, waiting_for="[pacs] is away"))
        bar(PullProgress(found=10, here=2, complete=3, failed=1, films=4, waiting_for="[pacs] is away"))
    shown = output.getvalue()
    assert "4 films, 1 studies failed" in shown
    assert "6/10" in shown
    looking = io.StringIO()
    with PullBar(Console(file=looking, force_terminal=True, width=120)) as bar:
        bar(PullProgress(found=7, day=date(2026, 11, 3), days_left=9))
    assert "asking for 2026-11-03 and before, 9 days left, 7 studies found" in looking.getvalue()
    assert shown.count("waiting: [pacs] is away") == 1


def test_the_settings_of_the_documentation_are_settings() -> None:
    text = (checkout.DOCS / "dicom" / "pull.md").read_text("utf-8")
    block, *_ = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    settings = Settings(**tomllib.loads(block), peers=json.loads(peers()))
    assert [pull.name for pull in settings.pulls] == ["new-films", "archive"]
    assert settings.pulls[1].is_open(time(23))
    assert not settings.pulls[1].is_open(time(12))
