"""The pages on notices on their way to receivers: a list, one notice as it is sent, replays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from db.notices.notice_list import find_notice, find_subject, list_notices, replay
from db.states import DeliveryState
from domain.codes import NoticedEvent
from domain.languages.sentence import say, say_number
from web.access.audit import find_address
from web.access.authentication import Visit
from web.administration.administration_page import AdministrationPage
from web.administration.question import ask_first
from web.pages.form_values import read_number, take_choice, take_day, take_number

LOG = structlog.get_logger(__name__)

HERE: Final = "/administration/notices"
SHOWN: Final = 100
FILTERS: Final = ("state", "event", "receiver", "since")


class NoticesPage(AdministrationPage):
    """The pages under `/administration/notices`."""

    def show(self, visit: Visit) -> Response:
        """Show notices, newest first."""
        return self._show(visit, visit.request.query_params)

    def show_notice(self, visit: Visit) -> Response:
        """Show one notice as it is sent. One with patient data is recorded as a view of its study."""
        number = take_number(visit, "notice")
        with self.database.read() as session:
            found = find_notice(session, number)
            subject = find_subject(session, number)
        if found is None:
            raise HTTPException(404, say("There is no notice {number}.", number=number))
        row, content = found
        if subject is not None and "patient" in content:
            address = find_address(visit.request)
            self.audit.record_access(visit.user.name, address, *subject, is_changed=False)
        context = {"row": row, "content": content}
        return self.render(visit, "notice", context)

    def replay(self, visit: Visit) -> Response:
        """Send parked notices again: one by its number, or those of a receiver, or all."""
        receiver, number = visit.form.get("receiver") or None, read_number(visit.form.get("notice", ""))
        named = None if number is None else [number]
        delivered = bool(visit.form.get("delivered"))
        if delivered and named is None:
            raise HTTPException(422, say("Not done: only a single delivered notice is sent again here."))
        question = say("All parked notices are sent again, with the same identifiers.")
        if delivered:
            question = say(
                "Notice {number} was delivered. It is sent once more, with the same identifier.",
                number=number,
            )
        asked = (named is None or delivered) and ask_first(
            self.pages, visit, question, say("Send again"), HERE
        )
        if asked:
            return asked
        with self.database.write() as session:
            count = replay(session, numbers=named, receiver=receiver, delivered=delivered)
        LOG.info("replayed", user=visit.user.name, notices=count)
        return self._show(
            visit, {}, say_number("{number} notice is sent again.", "{number} notices are sent again.", count)
        )

    def _show(self, visit: Visit, given: Mapping[str, str], message: str | None = None) -> Response:
        with self.database.read() as session:
            rows = list_notices(
                session,
                take_choice(given, "state", DeliveryState),
                SHOWN + 1,
                receiver=given.get("receiver") or None,
                kind=take_choice(given, "event", NoticedEvent),
                since=take_day(given, "since"),
                before=read_number(given.get("before", "")),
            )
        chosen = {name: given[name] for name in FILTERS if given.get(name)}
        following = {**chosen, "before": rows[SHOWN - 1].number} if len(rows) > SHOWN else None
        context: dict[str, Any] = {
            "message": message,
            "rows": rows[:SHOWN],
            "following": following and f"{HERE}?{urlencode(following)}",
            "chosen": chosen,
            "receivers": self.installation.notice_receivers,
            "states": list(DeliveryState),
            "events": list(NoticedEvent),
        }
        return self.render(visit, "notices", context)
