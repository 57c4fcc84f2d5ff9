"""Mutants of the guards of laboratory messages: who connects, limits, what is guessed, repetitions."""

from typing import Final

from tests.mutants.mutant import Mutant

LISTENER: Final = "dicom_gateway/laboratory/result_listener.py"
MESSAGE: Final = "dicom_gateway/laboratory/oru_message.py"
INTAKE: Final = "dicom_gateway/laboratory/result_intake.py"
PORT_TEST: Final = "integration/test_laboratory_messages.py::"
UNIT_TEST: Final = "unit/dicom_gateway/laboratory/test_oru_message.py::"
LIMITS: Final = f"{PORT_TEST}test_the_port_has_limits_of_size_time_connections_and_rate"
OPEN: Final = f"{UNIT_TEST}test_what_is_missing_unknown_or_open_is_refused_with_its_place"
ONCE: Final = (
    f"{PORT_TEST}test_results_come_from_another_process_and_are_recorded_once_with_their_corrections"
)

MUTANTS: Final = (
    Mutant(
        "laboratory-address",
        LISTENER,
        "if not is_in(address, settings.peers) and (settings.peers or not is_here):",
        "if not is_here:",
        f"{PORT_TEST}test_only_the_systems_that_are_named_connect",
    ),
    Mutant(
        "laboratory-tls",
        LISTENER,
        "if self._tls is not None:",
        "if self._tls is None:",
        f"{PORT_TEST}test_the_port_speaks_tls_and_wants_a_certificate",
    ),
    Mutant(
        "laboratory-tls-setting",
        "tbscreen/settings.py",
        "if port.port and port.tls and self.gateway.tls is None and not is_own(port.host):",
        "if not port:",
        "unit/tbscreen/test_settings.py::"
        "test_a_port_for_results_that_others_reach_needs_their_addresses_and_tls",
    ),
    Mutant(
        "laboratory-size",
        LISTENER,
        "if len(received) > settings.maximum_message_bytes:",
        "if len(received) > 2**40:",
        LIMITS,
    ),
    Mutant("laboratory-time", LISTENER, "if left_s <= 0:", "if left_s < -3600:", LIMITS),
    Mutant(
        "laboratory-frame",
        LISTENER,
        "if received and not received.startswith(START):",
        "if not received.startswith(START) and received.startswith(END):",
        LIMITS,
    ),
    Mutant(
        "laboratory-connections",
        LISTENER,
        "if counts.total() >= settings.maximum_connections:",
        "if counts.total() > 1000:",
        LIMITS,
    ),
    Mutant(
        "laboratory-rate", LISTENER, "if self._is_too_fast(address):", "if not self._settings.port:", LIMITS
    ),
    Mutant(
        "laboratory-hostile-bytes",
        MESSAGE,
        'if text.count("\\r") > MOST_SEGMENTS:',
        'if text.count("\\r") > 2**30:',
        f"{PORT_TEST}test_hostile_bytes_are_answered_and_the_next_message_is_taken",
    ),
    Mutant(
        "laboratory-several-patients",
        MESSAGE,
        "if len({(value[0], value[3]) for value in identifiers}) > 1:",
        "if not identifiers:",
        OPEN,
    ),
    Mutant("laboratory-several-results", MESSAGE, "    if len(repetitions) > 1:\n", "    if False:\n", OPEN),
    Mutant("laboratory-status", MESSAGE, "    if status not in FINAL:\n", '    if status == "":\n', OPEN),
    Mutant(
        "laboratory-unknown-result",
        "dicom_gateway/laboratory/laboratory_codes.py",
        "    return coded | {WORDS[word] for word in words if word in WORDS}",
        "    return coded | {WORDS.get(word, Outcome.POSITIVE) for word in words}",
        f"{PORT_TEST}test_a_message_that_leaves_something_open_is_refused_whole_and_taken_when_it_is_mapped",
    ),
    Mutant(
        "laboratory-character-set",
        MESSAGE,
        "        text = content.decode(codec)\n",
        '        text = content.decode(codec, "replace")\n',
        f"{UNIT_TEST}test_a_message_is_read_in_its_character_set",
    ),
    Mutant(
        "laboratory-repeated",
        INTAKE,
        "if received_messages.is_accepted(session, header.sender, header.control_id, digest):",
        "if not header.sender:",
        ONCE,
    ),
    Mutant(
        "laboratory-quotes",
        MESSAGE,
        '        reason = "the value is too long, of the wrong kind, or out of range"\n',
        "        reason = f\"{error} {cells['patient_id']}\"\n",
        f"{UNIT_TEST}test_a_fault_quotes_no_value_of_the_message",
    ),
    Mutant(
        "laboratory-early-answer",
        INTAKE,
        "            fault = self.reject(AWAY)\n        except Exception as error:",
        "            fault = None\n        except Exception as error:",
        f"{PORT_TEST}test_an_answer_says_aa_only_after_the_commit",
    ),
)
