"""Mutants of the guards of the DICOMweb port: senders, permissions, sizes, deadlines."""

from typing import Final

from tests.mutants.mutant import Mutant

LIMITS: Final = "integration/dicomweb/test_stow_limits.py::"
PULLING: Final = "integration/retrieval/test_pull_web.py::"
READING: Final = "integration/dicomweb/test_reading_limits.py::"

SENDERS: Final = "dicom_gateway/dicomweb/http_senders.py"
GATE: Final = "dicom_gateway/dicomweb/request_gate.py"
ENDPOINT: Final = "dicom_gateway/dicomweb/store_endpoint.py"
RETRIEVE: Final = "dicom_gateway/dicomweb/retrieve_endpoint.py"
CONNECTION: Final = "dicom_gateway/dicomweb/http_connection.py"

MUTANTS: Final = (
    Mutant(
        "store-permission",
        SENDERS,
        "if not token.may(permission):",
        "if not token.scopes:",
        LIMITS + "test_nobody_sends_without_a_token_that_allows_it",
    ),
    Mutant(
        "store-certificate-name",
        SENDERS,
        "return any(name.lower() in names for name in sender.certificate_names)",
        "return bool(names)",
        LIMITS + "test_a_certificate_or_a_token_opens_the_port_over_tls",
    ),
    Mutant(
        "store-callers",
        SENDERS,
        "rejection = self._admission.judge_caller(title, address)",
        "rejection = None",
        LIMITS + "test_a_sender_is_held_to_the_callers_of_the_dicom_port",
    ),
    Mutant(
        "store-renewed-list",
        "dicom_gateway/dicomweb/http_port.py",
        "    first.sni_callback = take\n",
        "",
        LIMITS + "test_a_certificate_or_a_token_opens_the_port_over_tls",
    ),
    Mutant(
        "store-in-the-clear",
        "dicom_gateway/settings.py",
        "if web is not None and not is_own(web.host) and self.tls is None and not web.allow_unencrypted:",
        "if web is not None and not is_own(web.host) and self.tls is None and not web.host:",
        LIMITS + "test_beyond_this_machine_only_with_tls",
    ),
    Mutant(
        "store-request-size",
        ENDPOINT,
        'if int(request.headers.get("content-length", "0")) > self._limits.maximum_request_bytes:',
        'if int(request.headers.get("content-length", "0")) < 0:',
        LIMITS + "test_a_request_that_is_too_large_is_refused",
    ),
    Mutant(
        "store-chunked-size",
        ENDPOINT,
        "if total > self._limits.maximum_request_bytes:",
        "if total < 0:",
        LIMITS + "test_a_request_that_is_too_large_is_refused",
    ),
    Mutant(
        "store-instance-size",
        "dicom_gateway/dicomweb/part10_intake.py",
        "        self.incoming.limit(self._file, len(piece), self._limits)\n",
        "",
        LIMITS + "test_an_instance_that_is_too_large_is_dropped_and_the_next_is_kept",
    ),
    Mutant(
        "store-instances",
        "dicom_gateway/dicomweb/store_transaction.py",
        "if self._parts > self._maximum:",
        "if self._parts < 0:",
        LIMITS + "test_too_many_instances_are_refused",
    ),
    Mutant(
        "store-free-space",
        ENDPOINT,
        "if self._spool.free_bytes() < self._settings.reserved_disk_bytes:",
        "if self._spool.free_bytes() < 0:",
        LIMITS + "test_a_full_disk_is_told_before_anything_is_read",
    ),
    Mutant(
        "store-slow-body",
        ENDPOINT,
        "            if piece >= PIECE_BYTES:\n",
        "            if piece:\n",
        LIMITS + "test_who_sends_the_body_too_slowly_is_cut_off",
    ),
    Mutant(
        "store-slow-header",
        CONNECTION,
        "return their is h11.IDLE or (",
        "return (",
        LIMITS + "test_who_sends_no_header_is_cut_off",
    ),
    Mutant(
        "store-handshake",
        "dicom_gateway/dicomweb/http_port.py",
        '            named["ssl_handshake_timeout"] = self._handshake_s\n',
        '            named["ssl_handshake_timeout"] = None\n',
        LIMITS + "test_who_begins_no_tls_handshake_is_cut_off",
    ),
    Mutant(
        "store-connections-by-address",
        CONNECTION,
        "and self._open[address] <= PER_PLACE * settings.maximum_associations_per_address",
        "and self._open[address]",
        LIMITS + "test_a_flood_of_silent_connections_from_one_address_is_turned_away",
    ),
    Mutant(
        "store-requests-by-address",
        GATE,
        "or self._open[address] >= settings.maximum_associations_per_address",
        "or self._open[address] < 0",
        LIMITS + "test_too_many_requests_at_once_are_told_to_come_again",
    ),
    Mutant(
        "store-part-headers",
        "dicom_gateway/dicomweb/multipart_body.py",
        "            max_header_count=MOST_HEADERS,\n            max_header_size=LONGEST_HEADER,\n",
        "            max_header_count=10**6,\n            max_header_size=10**6,\n",
        LIMITS + "test_a_body_that_is_no_multipart_is_malformed",
    ),
    Mutant(
        "store-header-size",
        "dicom_gateway/dicomweb/http_port.py",
        "h11_max_incomplete_event_size=32 * 1024,",
        "h11_max_incomplete_event_size=1024 * 1024,",
        LIMITS + "test_a_header_without_end_is_refused",
    ),
    Mutant(
        "store-framing",
        "dicom_gateway/dicomweb/application.py",
        "        middleware=[Middleware(RequestFraming)],\n",
        "        middleware=[Middleware(RequestFraming)][:0],\n",
        LIMITS + "test_a_request_whose_body_has_two_lengths_is_refused",
    ),
    Mutant(
        "search-permission",
        "dicom_gateway/dicomweb/search_endpoint.py",
        "sender = await self._gate.identify(request, Permission.WORKLIST)",
        "sender = await self._gate.identify(request, Permission.STORE)",
        READING + "test_nobody_reads_without_a_token_that_allows_it",
    ),
    Mutant(
        "retrieve-permission",
        RETRIEVE,
        "sender = await self._gate.identify(request, Permission.WORKLIST)",
        "sender = await self._gate.identify(request, Permission.STORE)",
        READING + "test_nobody_reads_without_a_token_that_allows_it",
    ),
    Mutant(
        "retrieve-certificate",
        SENDERS,
        "if permission not in sender.permissions:",
        "if not sender.permissions:",
        READING + "test_a_certificate_reads_only_what_its_entry_allows",
    ),
    Mutant(
        "retrieve-switched-off",
        RETRIEVE,
        "if not self._query.enabled:",
        "if self._query is None:",
        READING + "test_where_queries_are_off_nothing_is_read",
    ),
    Mutant(
        "search-answers",
        "dicom_gateway/dicomweb/search_parameters.py",
        "min(limit, default_limit)",
        "limit",
        READING + "test_a_search_gives_no_more_than_the_settings_allow",
    ),
    Mutant(
        "search-examined",
        "dicom_gateway/query/worklist_search.py",
        "if examined >= self._settings.maximum_examined:",
        "if examined < 0:",
        READING + "test_a_search_that_would_examine_too_much_is_refused",
    ),
    Mutant(
        "search-warning",
        "dicom_gateway/dicomweb/search_parameters.py",
        'shown = name if NAME.fullmatch(name) else "of an unknown name"',
        "shown = name",
        "integration/dicomweb/test_search_and_retrieve.py::test_more_matches_and_ignored_parameters_are_told",
    ),
    Mutant(
        "retrieve-unread-answer",
        CONNECTION,
        "self.loop.call_later(self._limits.patience_s, self.transport.abort)",
        "None",
        READING + "test_who_does_not_read_the_answer_is_cut_off",
    ),
    Mutant(
        "retrieve-other-study",
        "dicom_gateway/dicomweb/held_objects.py",
        "if found is not None and found.study_instance_uid == study:",
        "if found is not None:",
        READING + "test_a_report_is_found_in_its_own_study_alone",
    ),
    Mutant(
        "retrieve-frames-again",
        RETRIEVE,
        "if not numbers or len(set(numbers)) < len(numbers):",
        "if not numbers:",
        READING + "test_one_request_names_no_frame_twice",
    ),
    Mutant(
        "retrieve-audit",
        RETRIEVE,
        "            self._audit.record_retrieved(",
        "            str(",
        READING + "test_searches_and_retrievals_are_audited",
    ),
    Mutant(
        "pull-web-other-study",
        "dicom_gateway/retrieval/pull_web.py",
        "self._reception, self._reception.incoming, self._sender, study, MOST_INSTANCES",
        'self._reception, self._reception.incoming, self._sender, "", MOST_INSTANCES',
        PULLING + "test_a_film_of_another_study_and_a_body_that_ends_early_are_not_taken",
    ),
    Mutant(
        "pull-web-nested",
        "dicom_gateway/retrieval/pull_web.py",
        "except (ValueError, RecursionError):",
        "except ValueError:",
        PULLING + "test_an_answer_that_is_no_list_is_told_apart",
    ),
    Mutant(
        "store-file-meta",
        "dicom_gateway/reception/film_reception.py",
        "        check_identity(header, arrival.sop_class_uid, uid)\n",
        "",
        "integration/dicomweb/test_stow.py::"
        "test_file_meta_information_that_contradicts_the_dataset_is_refused",
    ),
    Mutant(
        "stow-answer-deadline",
        "dicom_gateway/association/web_connection.py",
        "        timer.start()\n",
        "",
        "unit/dicom_gateway/delivery/test_stow_scu.py::test_an_answer_without_end_is_cut_off",
    ),
    Mutant(
        "stow-answer-size",
        "dicom_gateway/association/web_connection.py",
        "content = response.read(largest)",
        "content = response.read(2 * largest)",
        "unit/dicom_gateway/delivery/test_stow_scu.py::test_an_answer_that_is_too_large_is_not_read",
    ),
    Mutant(
        "stow-answer-nested",
        "dicom_gateway/delivery/stow_answer.py",
        "except (ValueError, RecursionError):",
        "except ValueError:",
        "unit/dicom_gateway/delivery/test_stow_answer.py::"
        "test_an_answer_that_is_no_dataset_does_not_break_the_courier",
    ),
    Mutant(
        "stow-token-in-the-clear",
        "dicom_gateway/settings.py",
        "if self.token_file is not None and not is_own(place.hostname):",
        "if self.token_file is not None and not place.hostname:",
        "integration/dicomweb/test_stow_peers.py::test_settings_that_do_not_fit_are_named",
    ),
    Mutant(
        "store-file-meta-size",
        "dicom_gateway/dicomweb/part10_intake.py",
        " or length > LARGEST_META:",
        ":",
        "unit/dicom_gateway/dicomweb/test_part10_intake.py::"
        "test_file_meta_information_without_end_is_dropped",
    ),
)
