"""Mutants of thresholds by age and sex: the cell of a film's person, and the whole, signed table."""

from typing import Final

from tests.mutants.mutant import Mutant

GROUPS: Final = "db/models/threshold_groups.py"
USE: Final = "tbscreen/models/site_threshold_use.py"
PERSON: Final = "unit/db/models/test_threshold_groups.py::test_a_film_is_pinned_to_the_cell_of_its_person"
USE_TEST: Final = "unit/tbscreen/models/test_site_threshold_use.py::"

MUTANTS: Final = (
    Mutant(
        "cell-of-other-people", GROUPS, ".holds(film.age_years, sex)", '.holds(film.age_years, "F")', PERSON
    ),
    Mutant(
        "cell-fall-back",
        GROUPS,
        "    return common\n\n\ndef describe_threshold",
        '    return str(groups[-1]["name"])\n\n\ndef describe_threshold',
        PERSON,
    ),
    Mutant(
        "cell-other-patient",
        GROUPS,
        '    if OTHER_PATIENT_NOTICES & set((film.notices or "").split("\\\\")):\n',
        "    if False:\n",
        PERSON,
    ),
    Mutant(
        "cell-signature",
        USE,
        "        site_thresholds.verify(cell, sign)\n",
        "        pass\n",
        f"{USE_TEST}test_a_cell_that_was_changed_is_not_believed",
    ),
    Mutant(
        "rollback-signature",
        USE,
        "        if entry is not None:\n            _check(session, entry, sign)\n",
        "",
        f"{USE_TEST}test_no_rollback_to_what_was_changed_since",
    ),
    Mutant(
        "cell-missing",
        USE,
        "    if missing:\n",
        "    if False:\n",
        f"{USE_TEST}test_a_table_that_lost_a_cell_is_refused",
    ),
)
