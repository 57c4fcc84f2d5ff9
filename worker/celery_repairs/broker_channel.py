"""Reads the queue: what is no message at all is dropped, where kombu's own channel would end the worker."""

from __future__ import annotations

from typing import Any

import structlog
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


def read_forgivingly() -> None:
    """Have every channel of this process be one; kombu knows its transports by the URL's scheme alone."""
    redis.Transport.Channel = ForgivingChannel
