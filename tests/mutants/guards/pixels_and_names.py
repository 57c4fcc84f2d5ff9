"""Mutants of the guards against hostile pixels, answers and names that come by DICOM."""

from typing import Final

from tests.mutants.mutant import Mutant

PROCESS: Final = "unit/dicom_gateway/preparation/test_preparation_process.py::"
DECODING_PROCESS: Final = "dicom_gateway/pixels/decoding_process.py"

MUTANTS: Final = (
    Mutant(
        "codestream-size",
        "dicom_gateway/pixels/frame_decoding.py",
        "if read_frame_size(frame) != header_size:",
        "if not read_frame_size(frame):",
        "unit/dicom_gateway/pixels/test_codestream.py::test_a_codestream_that_announces_gigabytes_is_not_decoded",
    ),
    Mutant(
        "rows-by-columns",
        "dicom_gateway/pixels/radiograph.py",
        " or rows * columns > MAX_PIXELS:",
        ":",
        "unit/dicom_gateway/pixels/test_radiograph.py::test_size_that_no_film_has_is_undecodable",
    ),
    Mutant(
        "decoder-time",
        DECODING_PROCESS,
        "            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):\n",
        "            if not poll.poll(20_000):\n",
        PROCESS + "test_film_that_takes_too_long_gives_no_preparation_and_its_child_is_ended",
    ),
    Mutant(
        "dropped-message",
        "worker/tasks.py",
        "            find_screener().strike(*film, str(error))\n",
        "            pass\n",
        "integration/worker/test_hostile_messages.py::"
        "test_a_worker_runs_nothing_that_is_sent_to_it_and_screens_on",
    ),
    Mutant(
        "vain-dispatches",
        "dicom_gateway/preparation/preparation_loop.py",
        "elif film.vain_dispatches >= MOST_VAIN_DISPATCHES:",
        "elif film.vain_dispatches < 0:",
        "integration/reception/test_vain_dispatches.py::test_a_film_whose_messages_always_get_lost_is_refused",
    ),
    Mutant(
        "finite-rescale",
        "dicom_gateway/pixels/radiograph.py",
        "    if not np.isfinite(table).all():\n",
        "    if not table.size:\n",
        "unit/dicom_gateway/preparation/test_film_preparation.py::"
        "test_grey_values_that_are_not_finite_are_undecodable",
    ),
    Mutant(
        "decoder-pickle",
        "dicom_gateway/preparation/preparation_message.py",
        "    answer = _ANSWER.validate_python(msgpack.unpackb(content))\n",
        "    import pickle\n\n    answer = pickle.loads(content)\n",
        PROCESS + "test_a_pickle_of_the_child_is_not_opened",
    ),
    Mutant(
        "decoder-half-answer",
        DECODING_PROCESS,
        "            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):\n",
        "            if not poll.poll(120_000):\n",
        PROCESS + "test_a_child_that_writes_half_an_answer_is_ended_in_time",
    ),
    Mutant(
        "decoder-answer-fields",
        "dicom_gateway/preparation/preparation_message.py",
        'model_config = ConfigDict(frozen=True, extra="forbid", strict=True)',
        "model_config = ConfigDict(frozen=True)",
        "unit/dicom_gateway/preparation/test_preparation_message.py::test_what_is_malformed_is_no_answer",
    ),
    Mutant(
        "commitment-address",
        "dicom_gateway/association/peer_recognition.py",
        "if is_in(sender.address, answers.addresses) or _is_of_host(sender.address, peer.host):",
        "if sender.address:",
        "integration/delivery/test_commitment_senders.py::"
        "test_a_result_is_believed_only_from_the_peer_that_was_asked",
    ),
    Mutant(
        "commitment-certificate",
        "dicom_gateway/association/peer_recognition.py",
        "if sender.certificate_names & {name.lower() for name in answers.certificate_names}:",
        "if sender.address:",
        "integration/delivery/test_commitment_senders.py::"
        "test_a_result_is_believed_by_the_name_in_the_sender_s_certificate",
    ),
    Mutant(
        "spool-path",
        "domain/film_key.py",
        'return hashlib.sha256(sop_instance_uid.encode("utf-8", "surrogateescape")).hexdigest()',
        "return sop_instance_uid",
        "unit/dicom_gateway/test_spool.py::test_path_shows_nothing_of_the_uid_and_never_leaves_the_spool",
    ),
    Mutant(
        "own-output-digest",
        "dicom_gateway/preparation/film_preparation.py",
        "        if digest in own_digests:\n",
        "        if digest:\n",
        "integration/reception/test_own_output.py::"
        "test_a_film_under_the_uid_of_a_report_is_screened_and_one_that_names_us_is_refused_in_sight",
    ),
    Mutant(
        "another-patient",
        "db/patients/film_lines.py",
        "return film.study_id == study.id and is_same_patient(find_patient(session, film), patient)",
        "return film.study_id > 0",
        "integration/reception/test_patients.py::"
        "test_a_film_of_another_patient_under_a_known_uid_leaves_the_first_result",
    ),
    Mutant(
        "patient-mismatch",
        "db/patients/film_notices.py",
        "    if find_differences(patient, read_study_patient(study)):\n",
        "    if not study:\n",
        "integration/reception/test_patients.py::"
        "test_a_film_of_another_patient_in_a_study_is_named_and_reported_as_its_own",
    ),
    Mutant(
        "listed-study",
        "db/films/receptions.py",
        "Study.study_instance_uid == study_instance_uid, Instance.calling_ae_title.in_(senders)",
        "Study.id > 0, Instance.calling_ae_title.in_(senders)",
        "integration/retrieval/test_pull_faults.py::"
        "test_a_film_of_another_study_under_a_listed_uid_is_not_the_film_of_the_pacs",
    ),
    Mutant(
        "query-values",
        "dicom_gateway/query/query_identifier.py",
        "if len(values) > MAXIMUM_VALUES:",
        "if len(values) < 0:",
        "integration/test_worklist_query.py::"
        "test_hostile_identifiers_are_refused_and_the_next_query_is_answered",
    ),
    Mutant(
        "query-nul",
        "dicom_gateway/query/query_identifier.py",
        """if any("\\0" in value for value in values):""",
        "if values is None:",
        "integration/test_worklist_query.py::"
        "test_hostile_identifiers_are_refused_and_the_next_query_is_answered",
    ),
    Mutant(
        "csv-formula",
        "domain/spreadsheet_cells.py",
        """return f"'{text}" if dangerous else text""",
        "return text",
        "unit/tbscreen/commands/test_worklist.py::test_csv_has_every_study_and_no_formula",
    ),
    Mutant(
        "terminal-control",
        "tbscreen/terminal/terminal_tables.py",
        'letter if letter.isprintable() else "\\ufffd" for letter',
        "letter for letter",
        "unit/tbscreen/terminal/test_terminal_tables.py::"
        "test_control_sequences_in_a_header_do_not_reach_the_terminal",
    ),
)
