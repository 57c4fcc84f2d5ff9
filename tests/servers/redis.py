"""A real Redis server."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tests.servers.missing import find_program, skip_or_fail
from tests.servers.ports import free_port, wait_until


@contextmanager
def redis_server(
    port: int | None = None, address: str = "127.0.0.1", password: str | None = None
) -> Iterator[str]:
    """Run a Redis server inside the block; yields its URL.

    Args:
        port: where it listens, for a server that comes back; by default any free one.
        address: where it listens, for other hosts too: then it wants a password.
        password: what it wants of everybody.
    """
    program = find_program("redis-server")
    if program is None:
        skip_or_fail("redis-server is not installed (Debian package redis-server)")
    port = port or free_port()
    url = f"redis://{'' if password is None else f':{password}@'}{address}:{port}/0"
    with tempfile.TemporaryDirectory(prefix="tbscreen-redis-") as folder:
        log = Path(folder) / "log.txt"
        command = [program, "--bind", address, "--port", str(port), "--dir", folder]
        command += ["--save", "", "--appendonly", "no", "--logfile", str(log)]
        command += ["--requirepass", password] if password is not None else []
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:

            def answers() -> bool:
                assert process.poll() is None, log.read_text()
                try:
                    with Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as client:
                        return bool(client.ping())
                except (RedisError, OSError):
                    return False

            wait_until(answers, 30, "Redis answers")
            yield url
        finally:
            process.terminate()
            process.wait(timeout=30)
