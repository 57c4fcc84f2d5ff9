"""Mutants of the guards of the DICOM port: callers, floods, sizes, headers."""

from typing import Final

from tests.mutants.mutant import Mutant

CALLERS: Final = "integration/reception/test_callers.py::"
TLS: Final = "integration/reception/test_tls_gateway.py::"
STREAM: Final = "unit/dicom_gateway/association/test_film_stream.py::"
HEADER: Final = "unit/dicom_gateway/test_dataset_header.py::"

FILM_STREAM: Final = "dicom_gateway/association/film_stream.py"
HEADER_STREAM: Final = "dicom_gateway/header_stream.py"
ADMISSION: Final = "dicom_gateway/reception/admission.py"
TLS_CONTEXT: Final = "dicom_gateway/association/tls_context.py"

MUTANTS: Final = (
    Mutant(
        "caller-address",
        ADMISSION,
        "if any(not caller.addresses or is_in(address, caller.addresses) for caller in matching):",
        "if matching:",
        CALLERS + "test_a_caller_needs_its_title_its_address_and_ours",
    ),
    Mutant(
        "caller-title",
        ADMISSION,
        "return Rejection.WRONG_ADDRESS if named else Rejection.UNKNOWN_CALLER",
        "return Rejection.WRONG_ADDRESS if named else None",
        CALLERS + "test_a_caller_needs_its_title_its_address_and_ours",
    ),
    Mutant(
        "called-title",
        ADMISSION,
        "called != self._settings.ae_title:",
        "not called:",
        CALLERS + "test_a_caller_needs_its_title_its_address_and_ours",
    ),
    Mutant(
        "client-certificate",
        TLS_CONTEXT,
        "context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL",
        "context.verify_mode = ssl.CERT_OPTIONAL",
        TLS + "test_who_has_no_good_certificate_gets_no_association",
    ),
    Mutant(
        "tls-suites",
        TLS_CONTEXT,
        'context.set_ciphers(":".join(CIPHER_SUITES_1_2))',
        'context.set_ciphers("ALL")',
        TLS + "test_tls_13_where_both_have_it_12_else_and_nothing_older",
    ),
    Mutant(
        "connections-by-address",
        ADMISSION,
        "or addresses.count(address) >= 4 * self._settings.maximum_associations_per_address",
        "or False",
        TLS + "test_a_flood_of_silent_callers_from_one_address_is_turned_away_at_the_door",
    ),
    Mutant(
        "associations-by-address",
        ADMISSION,
        "            return Rejection.ALL_TAKEN_BY_ADDRESS\n",
        "            return None\n",
        CALLERS + "test_one_association_too_many_is_rejected_for_the_moment",
    ),
    Mutant(
        "endless-association",
        "dicom_gateway/association/pynetdicom_repairs/film_socket.py",
        "return self.deadline is not None and time.monotonic() > self.deadline",
        "return False",
        CALLERS + "test_an_association_does_not_stay_for_ever",
    ),
    Mutant(
        "dataset-size",
        "dicom_gateway/dataset_limits.py",
        "if after > self.maximum_bytes:",
        "if after < 0:",
        CALLERS + "test_a_dataset_that_is_too_large_is_refused_within_its_association",
    ),
    Mutant(
        "command-in-dataset",
        FILM_STREAM,
        "if control & COMMAND or not 2",
        "if not 2",
        STREAM + "test_a_command_s_fragment_within_a_dataset_opens_no_way_past_the_limit",
    ),
    Mutant(
        "message-size",
        FILM_STREAM,
        "held > LARGEST_MESSAGE_BYTES or waiting",
        "waiting",
        STREAM + "test_messages_without_end_are_cut_off",
    ),
    Mutant(
        "waiting-requests",
        FILM_STREAM,
        "LARGEST_MESSAGE_BYTES or waiting > MOST_REQUESTS",
        "LARGEST_MESSAGE_BYTES",
        STREAM + "test_who_waits_for_no_answer_is_cut_off",
    ),
    Mutant(
        "invalid-request",
        "dicom_gateway/association/pynetdicom_repairs/upper_layer.py",
        "            return  # an event may end the association: nothing is read before it is handled\n",
        "            pass\n",
        "unit/dicom_gateway/association/pynetdicom_repairs/test_upper_layer.py::"
        "test_an_invalid_request_is_aborted_at_once",
    ),
    Mutant(
        "free-space",
        "dicom_gateway/dataset_limits.py",
        "if disk.f_bavail * disk.f_frsize < self.reserved_bytes:",
        "if disk.f_bavail < 0:",
        STREAM + "test_a_dataset_for_which_there_is_no_room_is_not_written",
    ),
    Mutant(
        "free-space-again",
        "dicom_gateway/dataset_limits.py",
        " or before // LOOK_EVERY_BYTES != after // LOOK_EVERY_BYTES",
        "",
        STREAM + "test_free_space_is_looked_at_again_while_a_dataset_comes",
    ),
    Mutant(
        "fragment-length",
        FILM_STREAM,
        "or not 2 <= length <= remaining - 4:",
        "or not length:",
        STREAM + "test_impossible_fragment_length_ends_the_association_and_nothing_else",
    ),
    Mutant(
        "inflated-size",
        HEADER_STREAM,
        "if content.tell() > MAX_INFLATED_BYTES:",
        "if content.tell() < 0:",
        HEADER + "test_decompression_bomb_is_not_understood",
    ),
    Mutant(
        "inflated-at-once",
        HEADER_STREAM,
        "    with _SLOTS:\n        yield",
        "    if True:\n        yield",
        HEADER + "test_deflated_datasets_are_inflated_a_few_at_a_time",
    ),
    Mutant(
        "header-bytes",
        HEADER_STREAM,
        "        if self._bytes > MAX_HEADER_BYTES:\n",
        "        if self._bytes < 0:\n",
        HEADER + "test_header_without_end_is_not_understood",
    ),
    Mutant(
        "header-reads",
        HEADER_STREAM,
        "        if self._reads > MAX_READS:\n",
        "        if self._reads < 0:\n",
        HEADER + "test_a_small_file_that_takes_much_memory_is_not_understood",
    ),
    Mutant(
        "nested-sequences",
        "dicom_gateway/dataset_header.py",
        '        raise NotUnderstoodError(f"the dataset cannot be parsed ({type(error).__name__})") from None\n',
        "        raise\n",
        HEADER + "test_a_thousand_nested_sequences_are_refused_or_read_but_never_crash",
    ),
    Mutant(
        "revocation-list",
        TLS_CONTEXT,
        "context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF",
        "pass",
        "integration/reception/test_tls_revoked.py::test_a_revoked_caller_is_refused_as_soon_as_the_list_says_so",
    ),
)
