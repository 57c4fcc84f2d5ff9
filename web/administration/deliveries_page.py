"""The pages on reports on their way to peers: a list, one delivery with its object, replays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from db.delivery import replays, unbuilt_reports
from db.delivery.deliveries import find_delivery, list_deliveries, list_replayable
from db.delivery.delivery_events import list_events
from db.delivery.replays import Replayed
from db.delivery.report_objects import find_object
from db.states import DeliveryState
from domain.codes import ReportKind
from domain.errors import PermanentError
from domain.languages.sentence import join_statements, say, say_number
from web.access.audit import find_address
from web.access.authentication import Visit
from web.administration.administration_page import AdministrationPage
from web.administration.question import ask_first
from web.pages.form_values import read_number, take_choice, take_day, take_number

LOG = structlog.get_logger(__name__)

HERE: Final = "/administration/deliveries"
SHOWN: Final = 100
FILTERS: Final = ("state", "peer", "kind", "since")


class DeliveriesPage(AdministrationPage):
    """The pages under `/administration/deliveries`."""

    def show(self, visit: Visit) -> Response:
        """Show deliveries, newest first, and reports that could not be built."""
        return self._show(visit, visit.request.query_params)

    def show_delivery(self, visit: Visit) -> Response:
        """Show one delivery: all that happened to it, and what its object says."""
        return self._show_delivery(visit, take_number(visit, "delivery"))

    def replay_delivery(self, visit: Visit) -> Response:
        """Send one delivery again, or ask again for its commitment."""
        number = take_number(visit, "delivery")
        delivered = bool(visit.form.get("delivered"))
        question = say(
            "Delivery {number} was delivered. It is sent to the same peer once more.", number=number
        )
        asked = delivered and ask_first(self.pages, visit, question, say("Send again"), f"{HERE}/{number}")
        if asked:
            return asked
        try:
            done = replays.replay_named(self.database, [number], visit.user.name, delivered=delivered)
        except PermanentError as error:
            raise HTTPException(422, say("Not done: {reason}.", reason=str(error))) from None
        _log(visit, done)
        return self._show_delivery(visit, number, _tell(done, delivered))

    def replay(self, visit: Visit) -> Response:
        """Send all parked deliveries of a filter again; with `delivered`, delivered ones to one peer, too."""
        given = visit.form
        peer, delivered = given.get("peer") or None, bool(given.get("delivered"))
        if delivered and peer is None:
            raise HTTPException(422, say("Not done: name the peer that lost what was delivered."))
        with self.database.read() as session:
            chosen = list_replayable(
                session,
                delivered=delivered,
                peer=peer,
                kind=take_choice(given, "kind", ReportKind),
                since=take_day(given, "since"),
            )
        number = len(chosen)
        if delivered:
            question = say(
                "{number:,} parked or delivered deliveries are sent again to {peer}.",
                number=number,
                peer=peer,
            )
        elif peer:
            question = say("{number:,} parked deliveries are sent again to {peer}.", number=number, peer=peer)
        else:
            question = say("{number:,} parked deliveries are sent again.", number=number)
        asked = ask_first(self.pages, visit, question, say("Send again"), HERE)
        if asked:
            return asked
        done = replays.replay(self.database, chosen, visit.user.name, delivered=delivered)
        _log(visit, done)
        return self._show(visit, {}, _tell(done, delivered))

    def build_again(self, visit: Visit) -> Response:
        """Build the parked reports again that could not be built."""
        with self.database.write() as session:
            done = Replayed(reports=unbuilt_reports.replay(session))
        _log(visit, done)
        return self._show(
            visit,
            {},
            say_number("{number} report is built again.", "{number} reports are built again.", done.reports),
        )

    def _show(self, visit: Visit, given: Mapping[str, str], message: str | None = None) -> Response:
        kind, since = take_choice(given, "kind", ReportKind), take_day(given, "since")
        state, peer = take_choice(given, "state", DeliveryState), given.get("peer") or None
        with self.database.read() as session:
            rows = list_deliveries(
                session,
                state,
                SHOWN + 1,
                peer=peer,
                kind=kind,
                since=since,
                before=read_number(given.get("before", "")),
            )
            unbuilt = unbuilt_reports.list_parked(session, SHOWN)
        chosen = {name: given[name] for name in FILTERS if given.get(name)}
        following = {**chosen, "before": rows[SHOWN - 1].delivery_id} if len(rows) > SHOWN else None
        context: dict[str, Any] = {
            "message": message,
            "rows": rows[:SHOWN],
            "following": following and f"{HERE}?{urlencode(following)}",
            "unbuilt": unbuilt,
            "chosen": chosen,
            "peers": self.installation.peers,
            "states": list(DeliveryState),
            "kinds": list(ReportKind),
        }
        return self.render(visit, "deliveries", context)

    def _show_delivery(self, visit: Visit, number: int, message: str | None = None) -> Response:
        with self.database.read() as session:
            row = find_delivery(session, number)
            stored = None if row is None else find_object(session, row.sop_instance_uid)
            events = list_events(session, number)
        if row is None or stored is None:
            raise HTTPException(404, say("There is no delivery {number}.", number=number))
        self.audit.record_access(
            visit.user.name,
            find_address(visit.request),
            stored.study_instance_uid,
            stored.patient_id or "",
            is_changed=False,
        )
        content, trouble = self._read_object(stored.part10)
        context = {
            "message": message,
            "row": row,
            "stored": stored,
            "events": events,
            "content": content,
            "trouble": trouble,
            "parked": replays.is_replayable(row),
            "delivered": row.state == DeliveryState.DELIVERED,
        }
        return self.render(visit, "delivery", context)

    def _read_object(self, part10: bytes) -> tuple[Sequence[str], str | None]:
        """Return what an object says, and why it cannot be read, if so."""
        try:
            return self.installation.summarize(part10), None
        except PermanentError as error:
            return [], str(error)


def _tell(done: Replayed, delivered: bool) -> str:
    return join_statements(done.describe(delivered=delivered))


def _log(visit: Visit, done: Replayed) -> None:
    LOG.info(
        "replayed",
        user=visit.user.name,
        deliveries=done.deliveries,
        reports=done.reports,
        messages=done.messages,
    )
