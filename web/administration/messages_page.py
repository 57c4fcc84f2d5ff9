"""The pages on HL7 messages on their way to receivers: a list, one message as it is sent, replays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from db.hl7.message_list import find_message, find_subject, list_messages, replay
from db.states import DeliveryState
from domain.languages.sentence import say, say_number
from web.access.audit import find_address
from web.access.authentication import Visit
from web.administration.administration_page import AdministrationPage
from web.administration.question import ask_first
from web.pages.form_values import read_number, take_choice, take_day, take_number

LOG = structlog.get_logger(__name__)

HERE: Final = "/administration/messages"
SHOWN: Final = 100
FILTERS: Final = ("state", "receiver", "since")


class MessagesPage(AdministrationPage):
    """The pages under `/administration/messages`."""

    def show(self, visit: Visit) -> Response:
        """Show messages, newest first."""
        return self._show(visit, visit.request.query_params)

    def show_message(self, visit: Visit) -> Response:
        """Show one message as it is sent. It is patient data, and the view is recorded."""
        number = take_number(visit, "message")
        with self.database.read() as session:
            found = find_message(session, number)
            subject = find_subject(session, number)
        if found is None or subject is None:
            raise HTTPException(404, say("There is no message {number}.", number=number))
        address = find_address(visit.request)
        self.audit.record_access(visit.user.name, address, *subject, is_changed=False)
        row, content = found
        context = {
            "row": row,
            "segments": content.decode("utf-8", "replace").split("\r"),
        }
        return self.render(visit, "message", context)

    def replay(self, visit: Visit) -> Response:
        """Send parked messages again: one by its number, or those of a receiver, or all."""
        receiver, number = visit.form.get("receiver") or None, read_number(visit.form.get("message", ""))
        named = None if number is None else [number]
        delivered = bool(visit.form.get("delivered"))
        if delivered and named is None:
            raise HTTPException(422, say("Not done: only a single delivered message is sent again here."))
        question = say(
            "All parked messages are sent again, with the same control IDs; overtaken ones are left out."
        )
        if delivered:
            question = say(
                "Message {number} was delivered. It is sent once more, with the same control ID.",
                number=number,
            )
        asked = (named is None or delivered) and ask_first(
            self.pages, visit, question, say("Send again"), HERE
        )
        if asked:
            return asked
        with self.database.write() as session:
            count = replay(session, message_ids=named, receiver=receiver, delivered=delivered)
        LOG.info("replayed", user=visit.user.name, messages=count)
        return self._show(
            visit,
            {},
            say_number("{number} HL7 message is sent again.", "{number} HL7 messages are sent again.", count),
        )

    def _show(self, visit: Visit, given: Mapping[str, str], message: str | None = None) -> Response:
        with self.database.read() as session:
            rows = list_messages(
                session,
                take_choice(given, "state", DeliveryState),
                SHOWN + 1,
                receiver=given.get("receiver") or None,
                since=take_day(given, "since"),
                before=read_number(given.get("before", "")),
            )
        chosen = {name: given[name] for name in FILTERS if given.get(name)}
        following = {**chosen, "before": rows[SHOWN - 1].message_id} if len(rows) > SHOWN else None
        context: dict[str, Any] = {
            "message": message,
            "rows": rows[:SHOWN],
            "following": following and f"{HERE}?{urlencode(following)}",
            "chosen": chosen,
            "receivers": self.installation.receivers,
            "states": list(DeliveryState),
        }
        return self.render(visit, "messages", context)
