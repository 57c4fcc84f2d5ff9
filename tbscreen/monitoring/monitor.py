"""HTTP server of every process: liveness, readiness and metrics."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import psutil
import structlog

from domain.errors import PermanentError
from tbscreen.monitoring.monitoring_settings import MonitoringSettings
from web.health import HEALTH_PATHS, Check, answer_health

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
REQUEST_TIMEOUT_S: Final = 10

log = structlog.get_logger(__name__)


def share_counters(data_directory: Path, process: str) -> Path:
    """Let this process and its children count into files of a folder that its monitor adds up.

    Call it before anything imports `prometheus_client`, which looks once.
    """
    parent = data_directory / "metrics"
    parent.mkdir(parents=True, exist_ok=True)
    for old in parent.glob(f"{process}-*"):
        if not psutil.pid_exists(int(old.name.rpartition("-")[2])):
            shutil.rmtree(old, ignore_errors=True)
    folder = parent / f"{process}-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.environ[FOLDER_VARIABLE] = str(folder)
    return folder


@contextmanager
def monitored(
    settings: MonitoringSettings,
    process: str,
    checks: Mapping[str, Check],
    collectors: Sequence[Collector] = (),
) -> Iterator[None]:
    """Run a process' monitor inside the block, if the settings give it a port.

    Raises:
        PermanentError: when the port is taken.
    """
    port = settings.port(process)
    if port is None:
        yield
        return
    monitor = Monitor(settings.host, port, checks, collectors)
    monitor.start()
    log.info("monitored", port=monitor.port)
    try:
        yield
    finally:
        monitor.stop()


class Monitor:
    """Serves `/healthz`, `/readyz` and `/metrics` in a thread of its own.

    Args:
        host: address to listen on.
        port: 0 takes any free one.
        checks: by name, what must hold for the process to be ready.
        collectors: metrics that are measured at each request.

    Raises:
        PermanentError: when the port is taken.
    """

    def __init__(
        self, host: str, port: int, checks: Mapping[str, Check], collectors: Iterable[Collector] = ()
    ) -> None:
        from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app
        from prometheus_client.multiprocess import MultiProcessCollector

        if FOLDER_VARIABLE in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry = REGISTRY
        for collector in collectors:
            registry.register(collector)
        self._metrics = make_wsgi_app(registry)
        self._checks = checks
        server = _Server6 if ":" in host else _Server
        try:
            self._server = make_server(host, port, self._answer, server, _Handler)
        except OSError as error:
            raise PermanentError(
                f"cannot listen on {host}:{port} ({error.strerror}): set [monitoring]"
            ) from None

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self._server.server_port)

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, name="monitor", daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environment: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environment.get("PATH_INFO", "")
        if path == "/metrics":
            answer: Iterable[bytes] = self._metrics(environment, start)
            return answer
        if path in HEALTH_PATHS:
            return _say(start, *answer_health(path, self._checks))
        return _say(start, 404, "/healthz, /readyz or /metrics\n")


def _say(start: Any, status: int, text: str) -> list[bytes]:
    start(
        f"{status} {HTTPStatus(status).phrase}",
        [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")],
    )
    return [text.encode()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_TIMEOUT_S

    def log_message(self, *_: Any) -> None:
        """Log no request: probes come every few seconds."""
