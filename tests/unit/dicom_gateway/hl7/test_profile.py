"""The published profile in docs/hl7 shows the message that is sent."""

from __future__ import annotations

import re

from dicom_gateway.hl7.result_message import PROFILE, compose_result
from dicom_gateway.settings import CourierSettings
from tests.checkout import DOCS
from tests.unit.dicom_gateway.hl7.messages import SETTINGS, make_envelope, make_standing

TEXT = (DOCS / "hl7" / "README.md").read_text("utf-8")


def mask_time(message: str) -> str:
    """Return a message without the time at which it was made, which depends on this host's zone."""
    return re.sub(r"(RIS\|HOSPITAL\|)\d{14}[+-]\d{4}", r"\1TIME", message)


def test_the_example_is_what_is_sent() -> None:
    (example,) = re.findall(r"^```\n(MSH.*?)\n```$", TEXT, re.MULTILINE | re.DOTALL)
    made = compose_result(make_standing(), make_envelope(), SETTINGS, CourierSettings())
    assert mask_time(example) == mask_time(made.decode().strip().replace("\r", "\n"))


def test_the_profile_names_each_observation() -> None:
    made = compose_result(make_standing(), make_envelope(), SETTINGS, CourierSettings()).decode()
    codes = {line.split("|")[3].split("^")[0] for line in made.split("\r") if line.startswith("OBX")}
    described = set(re.findall(r"`([A-Z0-9-]+)`", TEXT))
    assert codes - described == set()
    assert f"## Profile {PROFILE}" in TEXT
