"""A real browser without a window: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.servers.missing import find_program, skip_or_fail

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser inside the block; skip the test where none is installed."""
    program = find_program(*NAMES)
    if program is None:
        skip_or_fail("no Chromium here: apt-get install chromium (tests/install_servers.sh)")
    with sync_playwright() as playwright:
        # Containers have neither the namespaces of the sandbox nor a large /dev/shm.
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()
