"""One film's way through real processes, told in JSON lines and in a trace, under one id."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.film_key import film_key
from tbscreen.demo.trial import Trial, trial
from tests.films import read, small_film
from tests.integration.conftest import find_processes, store_raw
from tests.servers.pacs import peer_toml
from tests.servers.peers.commitment_scp import AE_TITLE, CommitmentScp, commitment_scp
from tests.servers.ports import wait_until
from tests.servers.product import GRAPHS_TOML
from tests.servers.trace_collector import TraceCollector, trace_collector

PATIENT = "Quetzalcoatl^Xiuhtecuhtli"

NATIVE = re.compile(r"WARNING: All log messages before absl|[IWE]\d{4} \d\d:")

SPANS = [
    ("tbscreen-courier", "commitment", "archive"),
    ("tbscreen-courier", "commitment request", "archive"),
    ("tbscreen-courier", "delivery", "archive"),
    ("tbscreen-courier", "delivery", "pacs"),
    ("tbscreen-courier", "delivery", "strict"),
    ("tbscreen-courier", "report", None),
    ("tbscreen-gateway", "dispatch", None),
    ("tbscreen-gateway", "preparation", None),
    ("tbscreen-gateway", "reception", None),
    ("tbscreen-worker", "prediction", None),
    ("tbscreen-worker", "screening", None),
]
"""Service, name and peer of each span of a film that three peers are sent and one answers for."""

Line = dict[str, Any]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommitmentScp]:
    with commitment_scp(tmp_path_factory.mktemp("archive")) as server:
        yield server


@pytest.fixture(scope="module")
def collector() -> Iterator[TraceCollector]:
    with trace_collector() as running:
        yield running


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, archive: CommitmentScp, collector: TraceCollector
) -> Iterator[Trial]:
    """Three peers: one that takes all, one that answers for what it was sent, one that refuses for good."""
    with commitment_scp(tmp_path_factory.mktemp("strict"), "--status", str(0xA900)) as strict:
        tables = archive.peer_toml().rstrip() + "\ncommitment = true\n\n"
        tables += peer_toml("strict", AE_TITLE, strict.port)
        tables += "[commitment]\ndelay_s = 0.0\n\n"
        tables += f'[tracing]\nendpoint = "{collector.endpoint}"\n{GRAPHS_TOML}'
        with trial(top_level='log_format = "json"\nlog_level = "debug"', tables=tables) as running:
            yield running


def tell(installation: Trial, film: str) -> list[Line]:
    """Return the lines that name a film, in the order in which they were written."""
    return [line for line in read_lines(installation) if line.get("film") == film]


def read_lines(installation: Trial) -> list[Line]:
    """Return all complete lines; TensorFlow's own, which it writes before it asks how, are not ours."""
    complete, _, _ = installation.log.read_text("utf-8").rpartition("\n")
    lines = [line for line in complete.splitlines() if line and not NATIVE.match(line)]
    return [json.loads(line) for line in lines]


def find(lines: list[Line], event: str, **fields: object) -> Line:
    """Return the first line of an event."""
    found = [line for line in lines if line["event"] == event and fields.items() <= line.items()]
    assert found, f"no line {event!r} with {fields} among {[line['event'] for line in lines]}"
    return found[0]


def wait_for(installation: Trial, film: str, event: str, **fields: object) -> list[Line]:
    def is_told() -> bool:
        return any(
            line["event"] == event and fields.items() <= line.items() for line in tell(installation, film)
        )

    wait_until(is_told, 60, f"the log tells of {event!r}")
    return tell(installation, film)


def test_every_stage_of_a_film_is_told_under_its_id(
    installation: Trial, collector: TraceCollector, tmp_path: Path
) -> None:
    path = small_film(tmp_path, 1, PatientName=PATIENT)
    assert store_raw(installation.service.dicom_port, path) == 0x0000
    film = film_key(str(read(path).SOPInstanceUID))[:12]
    wait_for(installation, film, "delivery parked", peer="strict")
    wait_for(installation, film, "report delivered", peer="pacs")
    lines = wait_for(installation, film, "report committed", peer="archive")

    stages = [
        ("gateway", "film received", {"new": True}),
        ("gateway", "film dispatched", {}),
        ("worker", "film screened", {"attempt": 1}),
        ("courier", "report built", {"kind": "sr"}),
        ("courier", "report delivered", {"peer": "archive"}),
        ("courier", "commitment asked for", {"peer": "archive"}),
        ("courier", "report committed", {"peer": "archive"}),
    ]
    told = [find(lines, event, process=process, **fields) for process, event, fields in stages]
    times = [line["timestamp"] for line in told]
    assert times == sorted(times)
    assert find(lines, "delivery parked")["reason"].startswith("status 0xA900")
    opened = find(read_lines(installation), "association opened", association=told[0]["association"])
    assert opened["sender"] == told[0]["sender"]

    wait_until(lambda: len(collector.find(film)) >= len(SPANS), 30, "the collector has the film's trace")
    spans = collector.find(film)
    assert sorted((span.service, span.name, span.attributes.get("tbscreen.peer")) for span in spans) == SPANS
    (first,) = [span for span in spans if span.parent_span_id == ""]
    assert first.name == "reception"
    assert first.attributes["tbscreen.association"] == told[0]["association"]
    assert {span.parent_span_id for span in spans if span is not first} == {first.span_id}
    assert [span.attributes["tbscreen.peer"] for span in spans if span.failure] == ["strict"]

    log = installation.log.read_text("utf-8") + b"".join(collector.bodies).decode("latin-1")
    assert "Quetzalcoatl" not in log
    assert str(read(path).SOPInstanceUID) not in log


def test_a_film_whose_predicting_process_dies_is_told_of_to_its_end(
    installation: Trial, tmp_path: Path
) -> None:
    path = small_film(tmp_path, 2)
    film = film_key(str(read(path).SOPInstanceUID))[:12]
    (child,) = find_processes(installation, "worker")[1:]
    child.suspend()
    assert store_raw(installation.service.dicom_port, path) == 0x0000
    wait_for(installation, film, "film dispatched")
    with installation.database.write():  # the film's attempt does not begin before this ends
        child.resume()
        wait_for(installation, film, "film taken")
        child.send_signal(signal.SIGKILL)

    lines = wait_for(installation, film, "film screened")
    assert find(lines, "predicting process died with a film")["process"] == "worker"
    wait_for(installation, film, "report delivered", peer="pacs")
