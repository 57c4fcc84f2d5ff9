"""A Redis channel that drops items that are not messages, where kombu's own channel ends the worker.

kombu decodes the JSON envelope of what it takes from the queue (`Channel._brpop_read`) outside of any error
handling that Celery has: an item that is not an envelope ends the worker, and the next one the next worker.
Reported as https://github.com/celery/celery/issues/7975 (open), for SQS as
https://github.com/celery/kombu/issues/2421 (open). kombu takes a transport by the URL's scheme, and of
`redis+socket://` by nothing else, so our connection names the transport. No class of kombu changes.
"""

from __future__ import annotations

from typing import Any

import structlog
from celery.app.amqp import AMQP
from kombu.connection import Connection
from kombu.transport import redis

log = structlog.get_logger(__name__)


class ForgivingChannel(redis.Channel):
    """A channel of kombu's Redis transport."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            # Redis has given it out already: it comes never again. If a film stands behind it, its gateway
            # dispatches it again.
            log.error("no message: dropped", error=type(error).__name__)
            return True


class ForgivingTransport(redis.Transport):
    """kombu's Redis transport with such channels."""

    Channel = ForgivingChannel


class ForgivingConnection(Connection):
    """A connection to Redis by such a transport, whatever the form of its URL."""

    def get_transport_cls(self) -> type[ForgivingTransport]:
        """Return the transport."""
        return ForgivingTransport


class ForgivingAMQP(AMQP):  # type: ignore[misc]
    """AMQP class of a Celery application whose connections use the channel: `Celery(amqp=ForgivingAMQP)`."""

    Connection = ForgivingConnection
