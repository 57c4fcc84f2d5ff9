"""What each session lately looked at, so that a page that renews itself is not recorded each time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

MOST: Final = 20_000
"""Views that are remembered; the oldest are forgotten first, and would be recorded once more."""


class RecentViews:
    """Remembers views by session. What a browser says of a request is not asked: it could say anything."""

    def __init__(self) -> None:
        self._views: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def is_new(self, session: str, what: str) -> bool:
        """True the first time that a session looks at this."""
        key = (session, what)
        with self._lock:
            known = key in self._views
            self._views[key] = None
            self._views.move_to_end(key)
            while len(self._views) > MOST:
                self._views.popitem(last=False)
        return not known
