"""The settings in docs/administrator/hosts.md are valid."""

from __future__ import annotations

import configparser
import re

import pytest

from tbscreen.settings import load_settings
from tests import checkout
from worker.settings import WorkerSettings

TEXT = (checkout.DOCS / "administrator" / "hosts.md").read_text("utf-8")


def find_block(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    return str(block)


def test_the_worker_s_variables_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in find_block("sh").splitlines():
        name, value = line.split("=", 1)
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.worker.name, settings.monitoring.worker_port) == ("worker-2", 9102)
    assert settings.resolve_database_url().startswith("postgresql://tbscreen:secret@")
    assert settings.log_format == "json"


def test_the_unit_gives_a_worker_the_time_that_it_may_take() -> None:
    unit = configparser.RawConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((checkout.DOCS / "systemd" / "tbscreen-worker.service").read_text("utf-8"))
    service = unit["Service"]
    assert service["ExecStart"].endswith("bin/tbscreen worker")
    assert service["EnvironmentFile"] in TEXT.split("```sh")[0]
    assert int(service["TimeoutStopSec"]) > WorkerSettings().time_limit_s
