"""Check of tracing: the collector takes traces."""

from __future__ import annotations

from collections.abc import Iterator

from tbscreen.doctor.check import Check, Health
from tbscreen.settings import Settings


def examine_tracing(settings: Settings) -> Iterator[Check]:
    """Yield a check where films are traced; the collector is sent a request without spans."""
    tracing = settings.tracing
    if tracing.endpoint is None:
        return
    try:
        from tbscreen.monitoring.film_spans import takes_spans
    except ImportError:
        finding = "tracing.endpoint is set, but OpenTelemetry is not installed here"
        yield Check("traces", Health.BAD, finding, "pip install 'tbscreen[tracing]'")
        return
    if takes_spans(tracing):
        yield Check("traces", Health.GOOD, f"the collector at {tracing.endpoint} takes them")
    else:
        finding = f"the collector at {tracing.endpoint} does not take them; films do not wait for it"
        advice = "start it, or correct tracing.endpoint and OTEL_EXPORTER_OTLP_HEADERS"
        yield Check("traces", Health.NOTE, finding, advice)
