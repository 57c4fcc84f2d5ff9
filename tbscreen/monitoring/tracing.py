"""Switches the traces of films on, where the settings say so; OpenTelemetry is imported only then."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from domain.errors import PermanentError
from domain.film_stage import Stage, record_into
from tbscreen.monitoring.tracing_settings import TracingSettings

if TYPE_CHECKING:
    from tbscreen.monitoring.film_spans import FilmSpans


@contextmanager
def traced(settings: TracingSettings, process: str, instance: str) -> Iterator[ProcessTracer | None]:
    """Trace the films of a process and of those that it forks inside the block, if the settings say so.

    Args:
        settings: where to, and how many of them.
        process: kind of this process.
        instance: its own name.

    Raises:
        PermanentError: when OpenTelemetry is not installed.
    """
    if settings.endpoint is None:
        yield None
        return
    tracer = ProcessTracer(settings, process, instance)
    record_into(tracer.record)
    try:
        yield tracer
    finally:
        record_into(None)
        tracer.close()


class ProcessTracer:
    """Takes stages; each process makes its own sender at its first stage.

    A fork inherits neither threads nor connections.
    """

    def __init__(self, settings: TracingSettings, process: str, instance: str) -> None:
        try:  # before the fork, and only in a process that traces
            from tbscreen.monitoring.film_spans import FilmSpans
        except ImportError as error:
            raise PermanentError(
                "tracing.endpoint is set, but OpenTelemetry is not installed here: "
                "pip install 'tbscreen[tracing]'"
            ) from error
        self._make = partial(FilmSpans, settings, process, instance)
        self._lock = threading.Lock()
        self._spans: tuple[int, FilmSpans] | None = None
        os.register_at_fork(after_in_child=self._forget)

    def record(self, stage: Stage) -> None:
        """Hand one stage over; returns at once."""
        with self._lock:
            if self._spans is None:
                self._spans = os.getpid(), self._make()
            _, spans = self._spans
        spans.record(stage)

    def close(self) -> None:
        """Send what waits, within a few seconds; what cannot be sent is counted as lost."""
        with self._lock:
            spans, self._spans = self._spans, None
        if spans is not None:
            spans[1].close()

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._spans = None
