"""Answers of `/healthz` and `/readyz`, for the page and for the monitor of each process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

Check = Callable[[], str | None]
"""Returns the reason why a process cannot work, or None."""

HEALTH_PATHS: Final = ("/healthz", "/readyz")


def answer_health(path: str, checks: Mapping[str, Check]) -> tuple[int, str]:
    """Return status and text for one of `HEALTH_PATHS`.

    Args:
        path: of the request.
        checks: checks of readiness by name; run for `/readyz` alone.
    """
    asked = checks.items() if path == "/readyz" else ()
    troubles = [f"{name}: {reason}" for name, check in asked if (reason := check())]
    return (503, "\n".join(troubles) + "\n") if troubles else (200, "ok\n")
