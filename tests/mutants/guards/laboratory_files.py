"""Mutants of the guards of laboratories' files and of the links of results to studies."""

from typing import Final

from tests.mutants.mutant import Mutant

FILE: Final = "db/bacteriology/laboratory_words.py"
RESULTS: Final = "db/bacteriology/results.py"
LINKS: Final = "db/bacteriology/links.py"
DB_TEST: Final = "unit/db/bacteriology/test_results.py::"
COMMAND_TEST: Final = "unit/tbscreen/commands/test_results.py::"

MUTANTS: Final = (
    Mutant(
        "result-control-characters",
        FILE,
        "    if not text.isprintable():\n",
        "    if not text.isascii():\n",
        f"{COMMAND_TEST}test_each_bad_line_is_named_and_nothing_is_imported",
    ),
    Mutant(
        "result-scope",
        "web/rest/rest.py",
        "self.gate.guard(results.take, Permission.RESULTS, LARGEST_BODY)",
        "self.gate.guard(results.take, see, LARGEST_BODY)",
        "unit/web/rest/test_results.py::test_a_token_without_the_scope_sends_none",
    ),
    Mutant(
        "result-export-formula",
        "tbscreen/commands/bacteriology/result_table.py",
        "writer.writerow([guard_cell(value(link)) for value in COLUMNS.values()])",
        "writer.writerow([value(link) for value in COLUMNS.values()])",
        f"{COMMAND_TEST}test_what_is_exported_is_imported_again_and_no_formula",
    ),
    Mutant(
        "result-other-patient",
        LINKS,
        "    if by_accession and _differ(patient, near[0]):\n",
        "    if by_accession and not near:\n",
        f"{DB_TEST}test_a_study_is_found_by_accession_number_or_patient_within_the_window",
    ),
    Mutant(
        "result-several-studies",
        LINKS,
        "    if len(near) > 1:\n",
        "    if len(near) > 9:\n",
        f"{DB_TEST}test_two_studies_that_fit_are_for_a_person",
    ),
    Mutant(
        "result-outdated",
        RESULTS,
        "if not restate and any(_says(row, result) for row in rows):",
        "if not restate and not subject:",
        f"{DB_TEST}test_an_import_again_changes_nothing_and_a_correction_keeps_the_first",
    ),
    Mutant(
        "result-deletion",
        RESULTS,
        "        for study in patient_studies.list_studies(session, merged)\n",
        "        for study in patient_studies.list_studies(session, ())\n",
        f"{DB_TEST}test_all_results_of_a_patient_are_found_and_no_others",
    ),
)
