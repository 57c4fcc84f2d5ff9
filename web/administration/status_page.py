"""The page on the state of the installation: checks, processes, queues, stations, workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.responses import RedirectResponse, Response

from db.canary import verdicts
from db.counts import backlog, recent_work
from db.database import Database
from web.access.authentication import Visit
from web.administration.background import Background
from web.administration.installation import CheckResult, Installation
from web.pages.pages import Pages

HERE: Final = "/administration"

WORST_FIRST: Final = ("bad", "note", "good")


class StatusPage:
    """The page `/administration`."""

    def __init__(self, database: Database, pages: Pages, installation: Installation) -> None:
        self.database = database
        self.pages = pages
        self.installation = installation
        self.checks: Background[Sequence[CheckResult]] = Background()

    def show(self, visit: Visit) -> Response:
        """Show the queues as they are now, and the checks that ran last."""
        with self.database.read() as session:
            context = {
                "backlog": backlog.measure(session),
                "canaries": verdicts.list_watches(session),
                "stations": recent_work.list_stations(session),
                "workers": recent_work.list_workers(session),
                "newest_films": recent_work.NEWEST_FILMS,
            }
        checks = self.checks.newest
        context |= {
            "user": visit.user,
            "csrf": visit.csrf,
            "host": self.installation.host,
            "processes": self.installation.list_processes(),
            "spool": self.installation.measure_spool(),
            "checks": checks,
            "found": sorted(
                (checks and checks.result) or (), key=lambda check: WORST_FIRST.index(check.health)
            ),
        }
        return self.pages.render(visit.request, "administration/status.html", context)

    def examine(self, visit: Visit) -> Response:
        """Start the checks; while they run already, nothing more is started."""
        self.checks.start("checks", visit.user.name, self.installation.examine)
        return RedirectResponse(f"{HERE}#checks", 303)
