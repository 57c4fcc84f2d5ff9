"""Settings of notices: each mistake is one clear error."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from notices.notice_settings import NoticeSettings

HOOK = {"name": "ops", "url": "https://a.example/x", "secret_variable": "HOOK_SECRET"}
MAIL = {"name": "mail", "host": "mail.example", "sender": "tb@a.example", "recipients": ["x@a.example"]}


def test_receivers_and_rules_are_taken() -> None:
    rules = [{"event": "drift", "to": ["ops", "mail"]}]
    settings = NoticeSettings.model_validate({"webhooks": [HOOK], "mails": [MAIL], "rules": rules})
    assert list(settings.receivers) == ["ops", "mail"]
    assert settings.receivers["mail"].patient_fields == settings.receivers["ops"].patient_fields == ()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"webhooks": [HOOK | {"url": "http://a.example/"}]}, "in the clear: use https"),
        ({"webhooks": [HOOK | {"url": "https://user:secret@a.example/"}]}, "without user"),
        ({"webhooks": [HOOK | {"url": "https://a.example/\r\nX: y"}]}, "printable ASCII"),
        ({"webhooks": [HOOK | {"url": "ftp://a.example/"}]}, "url is like"),
        ({"webhooks": [HOOK | {"url": "https://a.example:99999/"}]}, "url is like"),
        ({"webhooks": [HOOK | {"secret_variable": None}]}, "each request is signed"),
        ({"webhooks": [HOOK | {"secret_file": "f"}]}, "do not go together"),
        ({"webhooks": [HOOK | {"secret_variable": "TBSCREEN_X"}]}, "does not begin with TBSCREEN_"),
        ({"webhooks": [HOOK | {"patient_fields": ["patient_sex"]}]}, "patient_name"),
        ({"mails": [MAIL | {"security": "none"}]}, "use starttls or tls"),
        ({"mails": [MAIL | {"user": "u"}]}, "user goes with"),
        ({"mails": [MAIL | {"password_file": "f"}]}, "user goes with"),
        ({"mails": [MAIL | {"recipients": ["a@b\r\nBcc: x@y"]}]}, "recipients"),
        ({"mails": [MAIL | {"recipients": []}]}, "recipients"),
        ({"webhooks": [HOOK], "mails": [MAIL | {"name": "ops"}]}, "given twice"),
        ({"webhooks": [HOOK], "rules": [{"event": "drift", "to": ["opss"]}]}, "no webhook and no mail"),
        (
            {"webhooks": [HOOK], "rules": [{"event": "parked_delivery", "to": ["ops"], "stations": ["A"]}]},
            "does not go with parked_delivery",
        ),
    ],
)
def test_mistakes_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        NoticeSettings.model_validate(settings)
