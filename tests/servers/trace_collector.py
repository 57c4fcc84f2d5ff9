"""An OpenTelemetry collector: takes OTLP over HTTP (protobuf) and keeps the spans."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class ReceivedSpan:
    """One span as it came."""

    trace_id: str
    span_id: str
    parent_span_id: str
    """Empty for the first of a trace."""
    service: str
    name: str
    attributes: dict[str, Any]
    failure: str | None
    started_ns: int
    ended_ns: int


class TraceCollector(ThreadingHTTPServer):
    """Listens on a free port of this machine."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._lock = threading.Lock()
        self._spans: list[ReceivedSpan] = []
        self.bodies: list[bytes] = []
        """The received requests."""

    @property
    def endpoint(self) -> str:
        """The URL for `tracing.endpoint`."""
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    def take(self, body: bytes) -> None:
        """Keep one request's spans."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            self.bodies.append(body)
            for resource in request.resource_spans:
                service = _read(resource.resource.attributes)["service.name"]
                for scope in resource.scope_spans:
                    self._spans += [_describe(span, service) for span in scope.spans]

    def find(self, trace_id_begins: str) -> list[ReceivedSpan]:
        """Return the spans of a trace, oldest first."""
        with self._lock:
            found = [span for span in self._spans if span.trace_id.startswith(trace_id_begins)]
        return sorted(found, key=lambda span: span.started_ns)


@contextmanager
def trace_collector() -> Iterator[TraceCollector]:
    """Run one inside the block."""
    with TraceCollector() as collector:
        threading.Thread(target=collector.serve_forever, name="collector", daemon=True).start()
        try:
            yield collector
        finally:
            collector.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: TraceCollector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        known = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
        if known:
            self.server.take(body)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Nothing is said of requests."""


def _describe(span: Any, service: str) -> ReceivedSpan:
    return ReceivedSpan(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        service,
        span.name,
        _read(span.attributes),
        span.status.message if span.status.code == 2 else None,  # STATUS_CODE_ERROR
        span.start_time_unix_nano,
        span.end_time_unix_nano,
    )


def _read(attributes: Any) -> dict[str, Any]:
    return {
        attribute.key: getattr(attribute.value, attribute.value.WhichOneof("value"))
        for attribute in attributes
    }
