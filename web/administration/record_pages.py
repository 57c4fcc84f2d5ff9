"""The pages that only show: audit records of the host of the page, and the settings in force."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from starlette.responses import Response

from domain.languages.sentence import say
from web.access.audit import find_address
from web.access.authentication import Visit
from web.administration.administration_page import AdministrationPage
from web.administration.installation import SettingInForce

SHOWN: Final = 200
TOP: Final = say("top level")


class RecordPages(AdministrationPage):
    """The pages `/administration/audit` and `/administration/settings`."""

    def show_audit(self, visit: Visit) -> Response:
        """Show the newest audit records; the view is one itself."""
        given = visit.request.query_params
        chosen = {name: given.get(name, "").strip() for name in ("who", "event")}
        self.audit.record_audit_view(visit.user.name, find_address(visit.request))
        records = self.installation.read_audit(SHOWN, chosen["who"], chosen["event"])
        context = {
            "records": records,
            "chosen": chosen,
            "events": self.installation.audit_events,
            "host": self.installation.host,
            "shown": SHOWN,
        }
        return self.render(visit, "audit", context)

    def show_settings(self, visit: Visit) -> Response:
        """Show the settings of the process of the page, those that differ from the defaults first."""
        settings = self.installation.list_settings()
        context = {
            "chosen": [setting for setting in settings if not setting.is_default],
            "sections": {name: list(group) for name, group in groupby(settings, _name_section)},
            "host": self.installation.host,
        }
        return self.render(visit, "settings", context)


def _name_section(setting: SettingInForce) -> str:
    return setting.key.partition(".")[0] if "." in setting.key else TOP
