"""Settings of HL7: wrong ones are refused, and say what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.settings import PeerSettings
from tbscreen.settings import Settings

RECEIVER = {"name": "ris", "host": "h", "port": 2575}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"receivers": [RECEIVER, RECEIVER]}, "'ris' is given twice"),
        ({"application": ""}, "must not be empty"),
        ({"application": "TB|SCREEN"}, "application"),
        ({"processing_id": "X"}, "processing_id"),
        ({"page_url": "https://tbscreen.example/"}, "page_url"),
        ({"page_url": "javascript:alert(1)"}, "page_url"),
        ({"receivers": [RECEIVER | {"port": 0}]}, "port"),
        ({"receivers": [RECEIVER | {"rules": [{"kinds": ["sr"]}]}]}, "kinds"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        MessageSettings.model_validate(values)


def test_a_receiver_has_not_the_name_of_a_peer() -> None:
    peer = PeerSettings(name="ris", ae_title="RIS", host="h", port=104)
    with pytest.raises(ValidationError, match="'ris' is the name of a peer"):
        Settings(peers=(peer,), hl7=MessageSettings.model_validate({"receivers": [RECEIVER]}))
