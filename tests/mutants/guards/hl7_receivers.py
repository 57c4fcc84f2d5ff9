"""Mutants of the guards of HL7 messages."""

from typing import Final

from tests.mutants.mutant import Mutant

MUTANTS: Final = (
    Mutant(
        "hl7-control-characters",
        "dicom_gateway/hl7/segments.py",
        'in ("Cc", "Cs") else letter',
        'in ("Cs",) else letter',
        "unit/dicom_gateway/hl7/test_segments.py::test_a_value_begins_no_segment_and_ends_no_message",
    ),
    Mutant(
        "hl7-null",
        "dicom_gateway/hl7/segments.py",
        'return "" if value == NULL else value.translate(ESCAPED)',
        "return value.translate(ESCAPED)",
        "unit/dicom_gateway/hl7/test_segments.py::test_a_film_deletes_nothing_at_the_receiver",
    ),
    Mutant(
        "hl7-answer-size",
        "dicom_gateway/hl7/mllp_connection.py",
        "if len(received) > MOST_ANSWER_BYTES:",
        "if not received:",
        "unit/dicom_gateway/hl7/test_message_courier.py::test_an_endless_answer_is_cut_off",
    ),
    Mutant(
        "hl7-answer-of-another",
        "dicom_gateway/hl7/acknowledgement.py",
        "if answered != control_id:",
        "if not control_id:",
        "unit/dicom_gateway/hl7/test_message_courier.py::test_an_answer_to_another_message_is_none",
    ),
    Mutant(
        "hl7-certificate",
        "dicom_gateway/hl7/mllp_connection.py",
        "        context = build_peer_context(receiver.tls, SECTION)\n",
        "        context = ssl._create_unverified_context()\n",
        "unit/dicom_gateway/hl7/test_mllp_connection.py"
        "::test_no_message_goes_to_a_receiver_without_the_right_certificate",
    ),
    Mutant(
        "hl7-log",
        "dicom_gateway/hl7/message_sender.py",
        "return self.acknowledgement or self.reason",
        "return self.reason",
        "unit/dicom_gateway/hl7/test_message_courier.py::test_no_line_of_the_log_quotes_a_receiver",
    ),
)
