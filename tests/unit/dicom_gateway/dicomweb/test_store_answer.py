"""Statuses and datasets that answer Store requests."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from dicom_gateway.dicomweb.store_answer import JSON, XML, choose_media_type, choose_status, describe
from dicom_gateway.dicomweb.store_transaction import StoredInstance, StoreOutcome

GOOD = StoredInstance("1.2", "1.3", 0x0000)


def failed(reason: int) -> StoredInstance:
    return StoredInstance("1.2", "1.4", reason)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (StoreOutcome([GOOD]), 200),
        (StoreOutcome([GOOD, failed(0xA700)]), 202),
        (StoreOutcome([GOOD], [0xC000]), 202),
        (StoreOutcome([failed(0xA900)]), 409),
        (StoreOutcome([], [0xC000]), 409),
        (StoreOutcome([failed(0xA700), failed(0xC000)]), 409),
        (StoreOutcome([failed(0xA700), failed(0xA700)]), 503),
        (StoreOutcome([failed(0xA700)], too_large=1), 413),
        (StoreOutcome([failed(0xA700), failed(0xA700)], too_large=1), 503),
        (StoreOutcome(), 400),
    ],
)
def test_the_status_tells_what_to_do(outcome: StoreOutcome, status: int) -> None:
    assert choose_status(outcome, is_malformed=False) == status


def test_a_malformed_rest_does_not_hide_what_is_stored() -> None:
    assert choose_status(StoreOutcome([GOOD], [0xC000]), is_malformed=True) == 202
    assert choose_status(StoreOutcome([failed(0xA900)]), is_malformed=True) == 400


def test_the_answer_is_a_dataset_of_the_standard() -> None:
    outcome = StoreOutcome([GOOD, failed(0xA900)], [0xC000])
    dataset = Dataset.from_json(describe(outcome))
    assert dataset.RetrieveURL is None or dataset.RetrieveURL == ""
    assert dataset.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.3"
    assert dataset.FailedSOPSequence[0].FailureReason == 0xA900
    assert dataset.OtherFailuresSequence[0].FailureReason == 0xC000
    assert "FailedSOPSequence" not in Dataset.from_json(describe(StoreOutcome([GOOD])))


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("application/dicom+xml", XML),
        ("text/html, application/dicom+xml;q=0.9", XML),
        ("application/dicom+json;q=0, application/dicom+xml", XML),
        ("text/html", None),
    ],
)
def test_the_media_type_is_what_the_sender_takes(accept: str, chosen: str | None) -> None:
    assert choose_media_type(accept) == chosen
