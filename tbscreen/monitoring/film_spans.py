"""Stages of films as OpenTelemetry spans, sent to a collector by a thread of its own.

A trace's id is the beginning of the film's key, so every process joins the film's trace without
passing anything on in messages, rows or objects.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Sequence
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags
from prometheus_client import Counter

from domain.film_stage import Stage, shorten_key
from tbscreen import __version__
from tbscreen.monitoring.tracing_settings import TracingSettings

MOST_WAITING: Final = 2048
"""Spans; further ones are lost, and a film goes on."""

BATCH: Final = 256
GATHER_S: Final = 1.0
"""Time for which spans are gathered before they are sent together."""

CLOSE_S: Final = 3.0
"""Longest time for which the end of a process waits for spans to be sent."""

KINDS: Final = {
    "reception": SpanKind.SERVER,
    "dispatch": SpanKind.PRODUCER,
    "screening": SpanKind.CONSUMER,
    "delivery": SpanKind.CLIENT,
    "HL7 message": SpanKind.CLIENT,
    "commitment request": SpanKind.CLIENT,
}

SPANS_LOST: Final = Counter("tbscreen_trace_spans_lost", "Stages of films that no collector took.")

log = structlog.get_logger(__name__)


def find_ids(film_key: str) -> tuple[int, int]:
    """Return the trace id (128 bits) and the id of its first span (64 bits) of a film.

    Args:
        film_key: 64 hexadecimal digits; anything else, which only a broken message has, is hashed to such.
    """
    try:
        content = bytes.fromhex(film_key)
    except ValueError:
        content = b""
    if len(content) != hashlib.sha256().digest_size:
        content = hashlib.sha256(film_key.encode("utf-8", "surrogateescape")).digest()
    # Neither may be 0 (W3C Trace Context 3.2.2.3, 3.2.2.4).
    return int.from_bytes(content[:16]) or 1, int.from_bytes(content[16:24]) or 1


def takes_spans(settings: TracingSettings) -> bool:
    """True when the collector takes a request without spans."""
    exporter = _open_exporter(settings)
    try:
        return exporter.export([]) is SpanExportResult.SUCCESS
    finally:
        exporter.shutdown()


def _open_exporter(settings: TracingSettings) -> SpanExporter:
    # Its log would tell of each batch that is not taken, and quote the answer.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    logging.getLogger("opentelemetry").propagate = False
    return OTLPSpanExporter(settings.endpoint, timeout=settings.timeout_s)


class FilmSpans:
    """Makes spans of stages and sends them.

    Args:
        settings: where to, and how many of them; `endpoint` is given.
        process: kind of this process.
        instance: its own name.
    """

    def __init__(self, settings: TracingSettings, process: str, instance: str) -> None:
        self._ids = FilmIds()
        self._provider = TracerProvider(
            sampler=TraceIdRatioBased(settings.share),
            resource=Resource.create(
                {
                    "service.namespace": "tbscreen",
                    "service.name": f"tbscreen-{process}",
                    "service.instance.id": instance,
                    "service.version": __version__,
                }
            ),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._exporter = CountingExporter(_open_exporter(settings))
        batches = BatchSpanProcessor(self._exporter, MOST_WAITING, GATHER_S * 1000, BATCH)
        self._provider.add_span_processor(batches)
        self._tracer = self._provider.get_tracer("tbscreen", __version__)

    def record(self, stage: Stage) -> None:
        """Hand one stage over; returns at once."""
        trace_id, first_span_id = find_ids(stage.film_key)
        context = Context()
        if stage.is_first:
            self._ids.want(trace_id, first_span_id)
        else:
            parent = SpanContext(trace_id, first_span_id, True, TraceFlags(TraceFlags.SAMPLED))
            context = trace.set_span_in_context(NonRecordingSpan(parent), context)
        span = self._tracer.start_span(
            stage.name,
            context,
            KINDS.get(stage.name, SpanKind.INTERNAL),
            {f"tbscreen.{name}": value for name, value in stage.attributes.items()},
            start_time=stage.started_ns,
        )
        if not (span.is_recording() and self._exporter.admit()):
            return
        span.set_attribute("tbscreen.film", shorten_key(stage.film_key))
        if stage.failure is not None:
            span.set_status(StatusCode.ERROR, stage.failure)
        span.end(stage.ended_ns)

    def close(self) -> None:
        """Send what waits, for at most `CLOSE_S`; the SDK by itself waits for 30 seconds."""
        ending = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        ending.start()
        ending.join(CLOSE_S)
        self._exporter.shutdown()


class FilmIds(IdGenerator):
    """Random ids, but for the next span of this thread where some are wanted."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self._wanted = threading.local()

    def want(self, trace_id: int, span_id: int) -> None:
        """Give these to the next span that this thread begins, which has no parent."""
        self._wanted.ids = [span_id, trace_id]

    def generate_trace_id(self) -> int:
        """Return what is wanted, else a random id."""
        return self._take(1) or self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        """Return what is wanted, else a random id."""
        return self._take(0) or self._random.generate_span_id()

    def _take(self, which: int) -> int:
        ids: list[int] = getattr(self._wanted, "ids", [0, 0])
        taken, ids[which] = ids[which], 0
        return taken


class CountingExporter(SpanExporter):
    """An exporter that bounds and counts the spans under way, because the SDK's queue drops spans uncounted.

    Losses are told once per outage.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lock = threading.Lock()
        self._waiting = 0
        self._closed = False
        self._away = False

    def admit(self) -> bool:
        """Count one more span as waiting if there is room, else as lost; return whether there was."""
        with self._lock:
            admitted = not self._closed and self._waiting < MOST_WAITING
            self._waiting += admitted
        if not admitted:
            self._lose(1, "they come faster than it takes them")
        return admitted

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; whatever goes wrong, the batch is lost and films go on."""
        try:
            result, reason = self._exporter.export(spans), "it is away, or refuses them"
        except Exception as error:  # noqa: BLE001  whatever it is, films go on
            result, reason = SpanExportResult.FAILURE, type(error).__name__
        with self._lock:
            if self._closed:  # counted as lost already
                return result
            self._waiting -= len(spans)
        if result is not SpanExportResult.SUCCESS:
            self._lose(len(spans), reason)
        elif self._away:
            self._away = False
            log.info("the collector takes traces again")
        return result

    def shutdown(self) -> None:
        """Give up what still waits."""
        with self._lock:
            left, self._waiting, self._closed = self._waiting, 0, True
        self._exporter.shutdown()
        if left:
            self._lose(left, "the process ends")

    def _lose(self, count: int, reason: str) -> None:
        SPANS_LOST.inc(count)
        if not self._away:
            self._away = True
            log.warning("the collector does not take traces: they are lost until it does", reason=reason)
