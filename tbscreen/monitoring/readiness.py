"""Conditions of readiness (`/readyz`): what a process needs to do its work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from web.health import Check

TIMEOUT_S = 2.0


def check_broker(url: str) -> Check:
    """The broker answers. Its URL may hold a password and is not told."""
    address = url.replace("redis+socket://", "unix://")

    def check() -> str | None:
        try:
            with Redis.from_url(
                address, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
            ) as client:
                client.ping()
        except (RedisError, OSError) as error:
            return f"the broker does not answer ({type(error).__name__})"
        return None

    return check


def check_disk(free_bytes: Callable[[], int], reserved_bytes: int) -> Check:
    """There is room for films."""

    def check() -> str | None:
        free = free_bytes()
        if free < reserved_bytes:
            return f"{free} bytes free, {reserved_bytes} are reserved: C-STORE answers 0xA700"
        return None

    return check


def check_file(path: Path | None) -> Check:
    """A file that says that the process has begun its work."""
    return lambda: None if path is None or path.exists() else "not yet up"
