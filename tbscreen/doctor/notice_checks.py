"""Checks of notices and their receivers."""

from __future__ import annotations

from collections.abc import Iterator

from db.database import Database
from db.notices import notice_list
from notices import mail, webhook
from notices.notice_settings import WebhookSettings
from tbscreen.doctor.check import Check, Health
from tbscreen.processes.settings_audit import hide_secrets
from tbscreen.settings import Settings


def examine_notice_receivers(settings: Settings) -> Iterator[Check]:
    """Yield whether each receiver takes a connection, with certificate and login; nothing is sent."""
    told = {name for rule in settings.notices.rules for name in rule.to}
    for name, receiver in settings.notices.receivers.items():
        part = f"notices to {name}"
        if isinstance(receiver, WebhookSettings):
            where, trouble = hide_secrets(receiver.url), webhook.probe(receiver)
        else:
            where, trouble = f"{receiver.host}:{receiver.port}", mail.probe(receiver)
        if trouble is not None:
            yield Check(part, Health.BAD, f"{where}: {trouble}", "mend it; notices wait meanwhile")
        elif name not in told:
            yield Check(part, Health.NOTE, f"no rule names {name}", "add [[notices.rules]]")
        else:
            advice = "'tbscreen notices test' sends one"
            yield Check(part, Health.GOOD, f"{where} takes a connection; nothing was sent: {advice}")


def examine_notices(database: Database) -> Iterator[Check]:
    """Yield how many notices are parked; nothing where none is."""
    with database.read() as session:
        parked = notice_list.count_parked(session)
    if parked:
        advice = "see 'tbscreen notices list --state parked'"
        yield Check("notices", Health.BAD, f"{parked} parked", advice)
