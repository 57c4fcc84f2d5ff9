"""Answers are believed only from the peer that was asked."""

from __future__ import annotations

from typing import Any

import pytest

from dicom_gateway.association.answer_settings import AnswerSettings
from dicom_gateway.association.peer_recognition import PeerRecognition, Sender
from dicom_gateway.settings import PeerSettings

ARCHIVE = {"name": "archive", "ae_title": "ARCHIVE", "host": "192.0.2.10", "port": 104}


@pytest.mark.parametrize(
    ("answers", "sender", "doubt"),
    [
        ({}, Sender("192.0.2.10", "ARCHIVE"), None),
        ({}, Sender("::ffff:192.0.2.10", "ARCHIVE"), None),
        ({}, Sender("192.0.2.11", "ARCHIVE"), "peers.answers.addresses"),
        ({}, Sender("", "ARCHIVE"), "peers.answers.addresses"),
        ({}, Sender("192.0.2.10", "MODALITY"), "peers.answers.ae_titles"),
        ({"ae_titles": ["COMMIT"]}, Sender("192.0.2.10", "COMMIT"), None),
        ({"ae_titles": ["COMMIT"]}, Sender("192.0.2.11", "COMMIT"), "peers.answers.addresses"),
        ({"addresses": ["192.0.2.64/26"]}, Sender("192.0.2.65", "ARCHIVE"), None),
        ({"addresses": ["192.0.2.64/26"]}, Sender("192.0.2.10", "ARCHIVE"), None),
        ({"addresses": ["192.0.2.64/26"]}, Sender("192.0.2.11", "ARCHIVE"), "peers.answers.addresses"),
        (
            {"certificate_names": ["Archive.Example.org"]},
            Sender("198.51.100.1", "ARCHIVE", frozenset({"archive.example.org"})),
            None,
        ),
        (
            {"certificate_names": ["archive.example.org"]},
            Sender("192.0.2.10", "ARCHIVE"),
            "peers.answers.certificate_names",
        ),
        (
            {"certificate_names": ["archive.example.org"]},
            Sender("192.0.2.10", "MODALITY", frozenset({"archive.example.org"})),
            "peers.answers.ae_titles",
        ),
    ],
)
def test_title_and_address_or_certificate_are_compared(
    answers: dict[str, Any], sender: Sender, doubt: str | None
) -> None:
    peer = PeerSettings(**ARCHIVE, answers=AnswerSettings(**answers))
    found = PeerRecognition([peer]).find_doubt("archive", sender)
    assert (found is None) if doubt is None else (found is not None and doubt in found)


def test_a_host_name_stands_for_its_addresses() -> None:
    peer = PeerSettings(**{**ARCHIVE, "host": "localhost"})
    recognition = PeerRecognition([peer])
    assert recognition.find_doubt("archive", Sender("127.0.0.1", "ARCHIVE")) is None
    assert recognition.find_doubt("archive", Sender("192.0.2.10", "ARCHIVE")) is not None


def test_nobody_answers_for_a_peer_that_is_not_in_the_settings() -> None:
    recognition = PeerRecognition([PeerSettings(**ARCHIVE)])
    assert "[[peers]]" in (recognition.find_doubt("pacs", Sender("192.0.2.10", "ARCHIVE")) or "")
