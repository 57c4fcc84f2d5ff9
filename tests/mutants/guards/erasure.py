"""Mutants of the guards of erasure by patient, and of the register that a restore reads."""

from typing import Final

from tests.mutants.mutant import Mutant

DATA: Final = "db/erasure/patient_data.py"
DB_TEST: Final = "unit/db/erasure/test_erasures.py::"
COMMAND_TEST: Final = "unit/tbscreen/backup/test_erasure_register.py::"
PAGE: Final = "web/administration/erasures_page.py"
PAGE_TEST: Final = "unit/web/administration/test_erasures_page.py::"

MUTANTS: Final = (
    Mutant(
        "erasure-dependents",
        "db/erasure/dependent_rows.py",
        "                if key.column.table is column.table:\n",
        "                if key.column.table is column.table and table.name != 'reads':\n",
        f"{DB_TEST}test_every_row_that_refers_to_a_film_goes_with_it",
    ),
    Mutant(
        "erasure-issuer",
        "db/erasure/digests.py",
        '        issuers = (f"issuer {named}", NONE) if named else (ANY,)\n',
        "        issuers = (ANY,)\n",
        f"{DB_TEST}test_an_issuer_keeps_the_namesake_of_another_issuer",
    ),
    Mutant(
        "erasure-mixed-study",
        DATA,
        "    if mixed:\n",
        "    if not mixed:\n",
        f"{DB_TEST}test_films_of_several_patients_are_for_a_person_first",
    ),
    Mutant(
        "erasure-key",
        "db/erasure/digests.py",
        "hmac.new(self._key, text, hashlib.sha256)",
        'hmac.new(b"", text, hashlib.sha256)',
        f"{DB_TEST}test_the_digests_say_nothing_without_the_key",
    ),
    Mutant(
        "erasure-after-restore",
        "tbscreen/backup/restoration.py",
        "        again = erasures.erase_again(session, known, keys)\n",
        "        again = erasures.erase_again(session, [], {})\n",
        f"{COMMAND_TEST}test_an_erasure_is_asked_for_audited_and_made_again_after_a_restore",
    ),
    Mutant(
        "erasure-newer-file",
        "dicom_gateway/spool.py",
        "            if path.stat().st_mtime < moment:\n",
        "            if path.exists():\n",
        "unit/dicom_gateway/reception/test_retention.py::test_files_of_an_erased_patient_go_unless_they_were_sent_again",
    ),
    Mutant(
        "erasure-register-paths",
        "tbscreen/backup/erasure_register.py",
        r'r"^([0-9a-f]{2}/){1,2}[0-9a-f-]+\.dcm$"',
        'r"^.*$"',
        f"{COMMAND_TEST}test_a_register_that_was_changed_is_refused_before_anything_is_touched",
    ),
    Mutant(
        "erasure-asked-twice",
        PAGE,
        "        if again is None or again.strip() != patient_id:\n",
        "        if again is None:\n",
        f"{PAGE_TEST}test_nothing_goes_before_the_patient_id_is_typed_again",
    ),
    Mutant(
        "erasure-recorded",
        PAGE,
        "        self.audit.record_reconciliation(\n",
        "        (lambda *_: None)(\n",
        f"{PAGE_TEST}test_an_erasure_is_recorded_and_the_list_names_nobody",
    ),
)
