"""Traces of films: ids that every process derives alike, and no film that waits for a collector."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from domain import film_stage
from domain.errors import PermanentError
from domain.film_key import film_key
from domain.film_stage import Stage, stage, tell
from tbscreen.doctor.check import Health
from tbscreen.doctor.tracing_checks import examine_tracing
from tbscreen.monitoring.film_spans import BATCH, MOST_WAITING, SPANS_LOST, FilmSpans, find_ids
from tbscreen.monitoring.tracing import traced
from tbscreen.monitoring.tracing_settings import TracingSettings
from tbscreen.settings import Settings
from tests.servers.ports import free_port
from tests.servers.trace_collector import TraceCollector, trace_collector

KEY = film_key("1.2.3.1")


@pytest.fixture(scope="module")
def collector() -> Iterator[TraceCollector]:
    with trace_collector() as running:
        yield running


def settings(endpoint: str, share: float = 1.0) -> TracingSettings:
    return TracingSettings(endpoint=endpoint, share=share, timeout_s=0.2)


def test_the_stages_of_a_film_make_one_trace_whatever_process_tells_of_them(
    collector: TraceCollector,
) -> None:
    for process in ("gateway", "worker"):
        with traced(settings(collector.endpoint), process, "one"):
            with stage("reception", KEY, sender="MODALITY") as current:
                current.is_first = process == "gateway"
                current.note(revision=1)
            with pytest.raises(ValueError, match="Quetzalcoatl"), stage("prediction", KEY):
                raise ValueError("Quetzalcoatl^Xiuhtecuhtli")
            tell("delivery", KEY, 1_000, "status 0xA900", peer="pacs")

    spans = collector.find(KEY[:32])
    assert [(span.service, span.name) for span in spans] == [
        ("tbscreen-gateway", "delivery"),
        ("tbscreen-worker", "delivery"),
        ("tbscreen-gateway", "reception"),
        ("tbscreen-gateway", "prediction"),
        ("tbscreen-worker", "reception"),
        ("tbscreen-worker", "prediction"),
    ]
    first = spans[2]
    assert (first.span_id, first.parent_span_id) == (KEY[32:48], "")
    assert {span.parent_span_id for span in spans if span is not first} == {first.span_id}
    assert first.attributes == {
        "tbscreen.sender": "MODALITY",
        "tbscreen.revision": 1,
        "tbscreen.film": KEY[:12],
    }
    assert [span.failure for span in spans] == [*["status 0xA900"] * 2, *[None, "ValueError"] * 2]
    assert spans[0].started_ns == 1_000
    assert not any(b"Quetzalcoatl" in body for body in collector.bodies)


def test_all_processes_trace_the_same_share_of_the_films(collector: TraceCollector) -> None:
    keys = [film_key(f"1.2.4.{number}") for number in range(40)]
    for process in ("gateway", "worker"):
        with traced(settings(collector.endpoint, share=0.5), process, "one"):
            for key in keys:
                tell("preparation", key, 1)
    counts = [len(collector.find(key[:32])) for key in keys]
    assert set(counts) == {0, 2}


@pytest.mark.parametrize("key", ["no hexadecimal digits", "", "0" * 64, "ab", "\udcff"])
def test_any_key_has_ids_that_a_trace_may_have(key: str) -> None:
    trace_id, span_id = find_ids(key)
    assert 0 < trace_id < 2**128
    assert 0 < span_id < 2**64


@pytest.mark.parametrize("answers", [False, True], ids=["away", "silent"])
def test_without_a_collector_spans_are_lost_counted_and_told_of_once(answers: bool) -> None:
    port, count = free_port(), MOST_WAITING + 2 * BATCH
    with socket.socket() as listener:
        if answers:
            listener.bind(("127.0.0.1", port))
            listener.listen()  # takes connections, and never says anything
        before = SPANS_LOST._value.get()
        with capture_logs() as lines:
            spans = FilmSpans(settings(f"http://127.0.0.1:{port}/v1/traces"), "gateway", "one")
            for _ in range(count):
                spans.record(Stage("preparation", KEY, 1, 2))
            spans.close()
    assert SPANS_LOST._value.get() - before == count
    assert [line["event"] for line in lines] == [
        "the collector does not take traces: they are lost until it does"
    ]


def test_a_process_ends_within_its_deadline_though_the_collector_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tbscreen.monitoring.film_spans.CLOSE_S", 0.2)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # takes connections, and never says anything
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/traces"
        spans = FilmSpans(TracingSettings(endpoint=endpoint, timeout_s=60), "gateway", "one")
        before, began = SPANS_LOST._value.get(), time.monotonic()
        for _ in range(2 * BATCH):
            spans.record(Stage("preparation", KEY, 1, 2))
        spans.close()
        spans.record(Stage("preparation", KEY, 1, 2))
    assert time.monotonic() - began < 10
    assert SPANS_LOST._value.get() - before == 2 * BATCH + 1


def test_a_forked_process_sends_its_own_spans_and_none_of_its_parent(collector: TraceCollector) -> None:
    key = film_key("1.2.5.1")
    program = (
        "import os, sys\n"
        "from domain.film_stage import tell\n"
        "from tbscreen.monitoring.tracing import traced\n"
        "from tbscreen.monitoring.tracing_settings import TracingSettings\n"
        "endpoint, key = sys.argv[1:]\n"
        "with traced(TracingSettings(endpoint=endpoint), 'worker', 'one') as tracer:\n"
        "    tell('screening', key, 1)\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        tell('prediction', key, 2)\n"
        "        tracer.close()\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-c", program, collector.endpoint, key], check=True, timeout=60)
    assert [span.name for span in collector.find(key[:32])] == ["screening", "prediction"]


def test_tracing_is_off_by_default_and_imports_nothing() -> None:
    program = (
        "import sys, tbscreen.processes.gateway, tbscreen.processes.worker, tbscreen.processes.courier\n"
        "from tbscreen.monitoring.tracing import traced\n"
        "from tbscreen.monitoring.tracing_settings import TracingSettings\n"
        "with traced(TracingSettings(), 'gateway', 'one') as tracer:\n"
        "    assert tracer is None\n"
        # redis looks for the rest of OpenTelemetry by itself
        "assert not {'tbscreen.monitoring.film_spans', 'opentelemetry.exporter'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert not film_stage._recorders


def test_an_installation_without_opentelemetry_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tbscreen.monitoring.film_spans")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)  # as if it were not there
    with (
        pytest.raises(PermanentError, match=r"pip install 'tbscreen\[tracing\]'"),
        traced(settings("http://127.0.0.1:1/v1/traces"), "gateway", "one"),
    ):
        pass


def test_the_doctor_says_whether_the_collector_takes_traces(collector: TraceCollector) -> None:
    def examine(endpoint: str | None) -> list[tuple[str, Health]]:
        tracing = TracingSettings(endpoint=endpoint, timeout_s=0.2)
        return [(check.part, check.health) for check in examine_tracing(Settings(tracing=tracing))]

    assert examine(None) == []
    assert examine(collector.endpoint) == [("traces", Health.GOOD)]
    assert examine(f"{collector.endpoint}/wrong") == [("traces", Health.NOTE)]
    assert examine(f"http://127.0.0.1:{free_port()}/v1/traces") == [("traces", Health.NOTE)]


@pytest.mark.parametrize(
    "endpoint", ["collector:4318", "http://collector:4318", "http://user:secret@collector/v1/traces"]
)
def test_an_endpoint_is_a_url_with_a_path_and_without_secrets(endpoint: str) -> None:
    with pytest.raises(ValidationError, match="endpoint"):
        TracingSettings(endpoint=endpoint)
