"""The recent views of each session, so that a page that refreshes itself is recorded once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

MOST: Final = 20_000
"""Views that are kept; the oldest are dropped first and would be recorded again."""


class RecentViews:
    """Keeps views by session. Headers of the browser play no part: a client could set them at will."""

    def __init__(self) -> None:
        self._views: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def is_new(self, session: str, what: str) -> bool:
        """True for the first view of `what` in a session."""
        key = (session, what)
        with self._lock:
            known = key in self._views
            self._views[key] = None
            self._views.move_to_end(key)
            while len(self._views) > MOST:
                self._views.popitem(last=False)
        return not known
