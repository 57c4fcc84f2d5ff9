"""Is a process alive, and can it do its work: what `/healthz` and `/readyz` say, on whichever port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

Check = Callable[[], str | None]
"""Says what keeps a process from working, or None."""

HEALTH_PATHS: Final = ("/healthz", "/readyz")


def answer_health(path: str, checks: Mapping[str, Check]) -> tuple[int, str]:
    """Return status and text for one of `HEALTH_PATHS`.

    Args:
        path: of the request.
        checks: by name, what must hold for the process to be ready; asked for `/readyz` alone.
    """
    asked = checks.items() if path == "/readyz" else ()
    troubles = [f"{name}: {what}" for name, check in asked if (what := check())]
    return (503, "\n".join(troubles) + "\n") if troubles else (200, "ok\n")
