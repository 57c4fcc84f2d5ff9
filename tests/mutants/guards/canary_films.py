"""Mutants of the recognition of canary films, and of the comparison of their scores."""

from typing import Final

from tests.mutants.mutant import Mutant

LOOKALIKES: Final = (
    "integration/reception/test_canary_films.py::"
    "test_what_is_not_the_drawn_film_under_a_uid_that_we_await_is_an_alert_and_a_film"
)
ORIGIN: Final = "integration/reception/test_canary_films.py::test_a_canary_film_comes_from_this_machine_alone"
WAY: Final = "unit/db/canary/test_canaries.py::test_a_canary_film_goes_from_its_issue_to_its_score_once"
WORKER: Final = (
    "unit/worker/test_screener.py::"
    "test_a_canary_film_is_scored_and_makes_no_result_and_no_strike_of_it_is_a_film_s"
)
SCORE: Final = (
    "unit/dicom_gateway/canary/test_canary_film.py::"
    "test_a_score_has_changed_by_more_than_its_runtime_and_precision_explain"
)
RECEPTION: Final = "dicom_gateway/canary/canary_reception.py"
CANARIES: Final = "db/canary/canaries.py"

MUTANTS: Final = (
    Mutant("canary-bytes", CANARIES, "            Canary.film_digest == film_digest,\n", "", LOOKALIKES),
    Mutant("canary-twice", CANARIES, "            Canary.received_at.is_(None),\n", "", LOOKALIKES),
    Mutant(
        "canary-gateway",
        CANARIES,
        "            Canary.gateway == gateway,\n            Canary.received_at.is_(None),",
        "            Canary.received_at.is_(None),",
        WAY,
    ),
    Mutant(
        "canary-uid",
        CANARIES,
        "            Canary.sop_instance_uid == sop_instance_uid,\n",
        "",
        WAY,
    ),
    Mutant(
        "canary-alert",
        RECEPTION,
        "self._audit.record_film_alert(sender, header.dataset, ALERT)",
        "pass",
        LOOKALIKES,
    ),
    Mutant("canary-address", RECEPTION, " and address is not None and address.is_loopback:", ":", ORIGIN),
    Mutant("canary-fetched", RECEPTION, "if sender.is_caller and address", "if address", ORIGIN),
    Mutant(
        "canary-score-key",
        CANARIES,
        "if row is None or name_film(row.sop_instance_uid) != film_key or row.queued_at is None:",
        "if row is None or row.queued_at is None:",
        WAY,
    ),
    Mutant(
        "canary-score-twice",
        CANARIES,
        "or name_film(row.sop_instance_uid) != film_key or row.score is not None:",
        "or name_film(row.sop_instance_uid) != film_key:",
        WAY,
    ),
    Mutant(
        "canary-is-a-film",
        "worker/screener.py",
        "if request.canary is not None:\n            is_scored",
        "if False:\n            is_scored",
        WORKER,
    ),
    Mutant(
        "canary-pinned-anew",
        "dicom_gateway/canary/canary_run.py",
        "    if expected is not None:\n        return expected, False\n",
        "",
        SCORE,
    ),
    Mutant(
        "canary-tolerance",
        "domain/bundle/seal.py",
        "return EXACT if recorded == again and again[1] == FLOAT32 else TOLERANCE",
        "return TOLERANCE",
        SCORE,
    ),
)
