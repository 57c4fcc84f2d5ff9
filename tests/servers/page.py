"""The page as a browser meets it: uvicorn on a free port of this machine, in a thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette

from tests.servers.ports import wait_until


@contextmanager
def serving_page(application: Starlette, **config: Any) -> Iterator[str]:
    """Serve inside the block; yields the URL without a slash at its end."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off", **config))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_until(lambda: server.started, 20, "the page answers")
    try:
        scheme = "https" if config.keys() & {"ssl_certfile", "ssl_context_factory"} else "http"
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
