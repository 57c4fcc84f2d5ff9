"""A user of the page with a real Chromium."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, Request, expect

from tests.unit.web import reading_room

expect.set_options(timeout=20_000)  # other tests take the processor meanwhile
DESK = {"width": 1366, "height": 768}

PIXEL = """([x, y]) => {
  const canvas = document.querySelector("canvas"), scale = devicePixelRatio;
  return [...canvas.getContext("2d").getImageData(x * scale, y * scale, 1, 1).data];
}"""


class Visitor:
    """One browser window, what it asked for and what it complained about."""

    def __init__(self, browser: Browser, url: str, name: str = "rosa", **options: object) -> None:
        self.name = name
        self.context = browser.new_context(**{"viewport": DESK, **options})  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.url = url
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.context.on("request", self._note)
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def log_in(self) -> None:
        """Log in, and wait until the scripts of the worklist have run."""
        self.try_to_log_in(reading_room.PASSWORD)
        self.page.wait_for_selector("time[title]")

    def try_to_log_in(self, password: str) -> None:
        self.page.goto(self.url)
        self.page.get_by_label("Name").fill(self.name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)
        self.page.wait_for_selector(".viewer[data-drawn]")

    def wait_until_ready(self) -> None:
        """Wait until the page takes a read."""
        self.page.wait_for_selector("#read[data-state=ready]")

    def read(self, key: str) -> None:
        """Press a verdict's key as soon as the page takes it."""
        self.wait_until_ready()
        self.page.keyboard.press(key)

    def pixel(self, column: float, row: float) -> list[int]:
        """Return the colour at a place of the film, given as shares of its sides."""
        place = self.page.evaluate(
            """([x, y]) => { const box = document.querySelector(".stage").getBoundingClientRect();
            const side = Math.min(box.width, box.height);
            return [(box.width - side) / 2 + side * x, (box.height - side) / 2 + side * y]; }""",
            [column, row],
        )
        return list(self.page.evaluate(PIXEL, place))

    def drawn(self, words: str) -> None:
        """Wait until the read-out says so."""
        expect(self.page.locator(".readout")).to_contain_text(words)

    def _note(self, request: Request) -> None:
        self.asked.append(request.url)
