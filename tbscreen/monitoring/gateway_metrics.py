"""Prometheus metrics of spool and queue."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from dicom_gateway.dispatch import BrokerAwayError, Dispatcher
from dicom_gateway.spool import Spool


class GatewayMetrics(Collector):
    """Looks at the disk and asks the broker each time that it is asked."""

    def __init__(self, spool: Spool, dispatcher: Dispatcher) -> None:
        self._spool = spool
        self._dispatcher = dispatcher

    def describe(self) -> list[Metric]:
        """Return nothing, so that registration asks neither disk nor broker."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield each family."""
        yield GaugeMetricFamily(
            "tbscreen_spool_bytes", "Bytes of kept films.", value=self._spool.used_bytes()
        )
        yield GaugeMetricFamily(
            "tbscreen_spool_free_bytes", "Bytes left on the spool's disk.", value=self._spool.free_bytes()
        )
        up = GaugeMetricFamily("tbscreen_broker_up", "Whether the broker answers: 1 or 0.")
        try:
            length = self._dispatcher.queue_length()
        except BrokerAwayError:
            up.add_metric([], 0)
        else:
            up.add_metric([], 1)
            yield GaugeMetricFamily("tbscreen_queue_films", "Films that wait for a worker.", value=length)
        yield up
