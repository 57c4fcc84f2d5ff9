"""Dispatch of screening requests to the broker."""

from __future__ import annotations

import math
import time
from typing import Final

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from domain.errors import TransientError
from domain.screening_request import NORMAL, QUEUE, TASK_NAME, URGENT, ScreeningRequest
from domain.silent_links import SOCKET_OPTIONS

BROKER_TIMEOUT_S: Final = 5.0

COMPLAINT_INTERVAL_S: Final = 30.0
"""Shortest time between two log lines about an unavailable broker."""

log = structlog.get_logger(__name__)


class BrokerAwayError(TransientError):
    """The broker accepts no messages. Transient: the film waits in the spool."""


class Dispatcher:
    """A producer of screening requests.

    Args:
        broker_url: `redis://…`, `rediss://…` or `redis+socket:///path`. May hold a password: never log it.
    """

    def __init__(self, broker_url: str) -> None:
        self._last_complaint = -math.inf
        self._celery = Celery("tbscreen-gateway", broker=broker_url, set_as_current=False)
        self._celery.conf.update(
            task_serializer="msgpack",
            accept_content=["msgpack"],
            task_ignore_result=True,
            broker_transport_options={
                "socket_timeout": BROKER_TIMEOUT_S,
                "socket_connect_timeout": BROKER_TIMEOUT_S,
                "socket_keepalive": True,
                "socket_keepalive_options": SOCKET_OPTIONS,
            },
        )

    def count_waiting(self) -> int | None:
        """Return `queue_length`, or None, which is logged now and then, while the broker does not answer."""
        try:
            return self.queue_length()
        except BrokerAwayError as error:
            if time.monotonic() - self._last_complaint > COMPLAINT_INTERVAL_S:
                self._last_complaint = time.monotonic()
                log.error("films wait: the broker is away", error=str(error), help="tbscreen doctor")
            return None

    def queue_length(self) -> int:
        """Return the number of messages that wait for a worker.

        Raises:
            BrokerAwayError: when the broker does not answer.
        """
        try:
            with self._celery.pool.acquire(block=True) as connection:
                connection.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT_S)
                return int(connection.default_channel.queue_declare(QUEUE).message_count)
        except (OperationalError, OSError, RedisError) as error:
            raise BrokerAwayError(type(error).__name__) from error

    def send(self, request: ScreeningRequest, urgent: bool = False) -> None:
        """Send a screening request to the workers.

        Args:
            request: the request with the film's array.
            urgent: True to overtake waiting requests.

        Raises:
            BrokerAwayError: when the broker does not accept it.
        """
        try:
            self._celery.send_task(
                TASK_NAME,
                args=[request.to_message()],
                queue=QUEUE,
                priority=URGENT if urgent else NORMAL,
                retry=False,
            )
        except (OperationalError, OSError, RedisError) as error:
            raise BrokerAwayError(type(error).__name__) from error

    def close(self) -> None:
        """Close the connections to the broker."""
        self._celery.close()
