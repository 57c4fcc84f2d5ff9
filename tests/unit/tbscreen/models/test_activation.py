"""The rule of activation, from the first installation to a forced exception."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from db.database import Database
from db.models import activations, bundles, comparisons
from db.models.activations import ActivationEntry
from domain.errors import PermanentError
from judging.paired_referral import compare_referral
from tbscreen.models import activation
from tbscreen.models.bundle_lookup import find_bundle
from tbscreen.models.films_at_hand import Agreement
from tbscreen.models.proof import Proof
from tests.unit import rows
from tests.unit.tbscreen.films_csv import make_films_csv
from training.judging.comparison import compare_unseen
from training.judging.scored_films import from_csv

ACTIVE, CANDIDATE, UNTRAINED = "a" * 64, "b" * 64, "c" * 64
GOOD, BAD = make_films_csv(noise=0.1), make_films_csv(noise=1.0, seed=2)
ELSEWHERE = make_films_csv(noise=0.1, first=1000)


UNCHANGED = compare_referral([0.9, 0.1], [0.9, 0.1], (0.5, 0.5))


def register(
    database: Database,
    digest: str,
    films: str | None = None,
    trained: bool = True,
    normalization: str | None = None,
) -> None:
    changes = {} if normalization is None else {"normalization": normalization}
    rows.register_model(
        database, digest, name=digest[:1], trained=trained, active=False, films=films, **changes
    )


def activate(database: Database, digest: str, force: str | None = None) -> activation.Activated:
    return activation.activate(database, Proof(digest, "it is a test's"), "me@here", force)


def install(database: Database, ours: str | None, theirs: str | None) -> None:
    """Register an active bundle and a candidate with these films.csv."""
    register(database, ACTIVE, theirs)
    register(database, CANDIDATE, ours)
    activate(database, ACTIVE)


def read_history(database: Database) -> Sequence[ActivationEntry]:
    with database.read() as session:
        return activations.list_activations(session)


def test_the_first_activation_needs_nothing(database: Database) -> None:
    register(database, ACTIVE)
    done = activate(database, ACTIVE)
    assert (done.model.digest, done.instead_of, done.comparison, done.objection) == (ACTIVE, None, None, None)
    assert [entry.activated_by for entry in read_history(database)] == ["me@here"]


def test_an_untrained_bundle_is_replaced_without_a_question_and_replaces_no_trained_one(
    database: Database,
) -> None:
    register(database, UNTRAINED, trained=False)
    register(database, ACTIVE)
    activate(database, UNTRAINED)
    activate(database, ACTIVE)
    with pytest.raises(PermanentError, match="untrained, and the active bundle is trained"):
        activate(database, UNTRAINED)
    done = activate(database, UNTRAINED, force="to test the way of the reports")
    assert done.objection is not None
    assert read_history(database)[0].forced_reason == "to test the way of the reports"


def test_a_worse_candidate_is_refused_with_the_figures(database: Database) -> None:
    install(database, BAD, GOOD)
    with pytest.raises(PermanentError, match=r"AUC 0\.\d+ against 0\.99\d on 200 films .* interval -"):
        activate(database, CANDIDATE)
    assert len(read_history(database)) == 1


def test_a_worse_candidate_is_activated_by_force_and_reason_and_figures_are_kept(database: Database) -> None:
    install(database, BAD, GOOD)
    for nothing in ("", "  "):
        with pytest.raises(PermanentError, match="needs a reason"):
            activate(database, CANDIDATE, force=nothing)
    activate(database, CANDIDATE, force="the other one fails on our new detector")
    entry = read_history(database)[0]
    assert (entry.bundle_digest, entry.previous_digest) == (CANDIDATE, ACTIVE)
    assert entry.forced_reason == "the other one fails on our new detector"
    assert entry.comparison is not None
    assert entry.comparison["verdict"] == "worse"
    assert entry.comparison["difference"]["high"] < 0


@pytest.mark.parametrize("ours", [GOOD, make_films_csv(noise=0.11, seed=9)], ids=["equal", "about equal"])
def test_a_candidate_that_is_not_worse_is_activated_and_an_idle_force_leaves_no_reason(
    database: Database, ours: str
) -> None:
    install(database, ours, GOOD)
    done = activate(database, CANDIDATE, force="just in case")
    assert done.comparison is not None
    assert done.comparison.verdict == "not_worse"
    entry = read_history(database)[0]
    assert (entry.forced_reason, entry.comparison) == (None, done.comparison.model_dump(mode="json"))


@pytest.mark.parametrize("ours", [None, ELSEWHERE, make_films_csv(count=38)], ids=["none", "others", "few"])
def test_what_cannot_be_compared_is_refused_and_the_way_out_named(
    database: Database, ours: str | None
) -> None:
    install(database, ours, GOOD)
    with pytest.raises(PermanentError, match=f"models compare {CANDIDATE[:12]} {ACTIVE[:12]} IMAGES…"):
        activate(database, CANDIDATE)
    activate(database, CANDIDATE, force="judged by hand")
    assert read_history(database)[0].comparison["verdict"] == "not_comparable"  # type: ignore[index]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_comparison_that_somebody_made_decides_where_the_bundles_share_no_films(
    database: Database, swapped: bool
) -> None:
    install(database, ELSEWHERE, GOOD)
    _record(database, worse=True, swapped=swapped)
    with pytest.raises(PermanentError, match="is worse than the active bundle"):
        activate(database, CANDIDATE)
    _record(database, worse=False, swapped=swapped)
    done = activate(database, CANDIDATE)
    assert done.comparison is not None
    assert (done.comparison.origin, done.comparison.verdict) == ("images", "better")
    assert done.comparison.candidate == CANDIDATE


def test_worse_on_somebody_s_films_is_worse_whatever_the_bundles_own_films_say(database: Database) -> None:
    install(database, GOOD, GOOD)
    _record(database, worse=True)
    with pytest.raises(PermanentError, match="is worse"):
        activate(database, CANDIDATE)


@pytest.mark.parametrize("worse", [True, False])
def test_reads_of_the_site_may_speak_against_a_candidate_and_not_for_it(
    database: Database, worse: bool
) -> None:
    install(database, GOOD if worse else ELSEWHERE, GOOD)
    ours, theirs = (BAD, GOOD) if worse else (GOOD, BAD)
    comparison = compare_unseen(CANDIDATE, ACTIVE, from_csv(ours), from_csv(theirs))
    read = comparison.model_copy(update={"origin": "reads"})
    proof = Proof(CANDIDATE, "it is a test's", Agreement(200, 150, 0.5, read, UNCHANGED))
    said = "on 200 films read here" if worse else "are not comparable"
    with pytest.raises(PermanentError, match=said):
        activation.activate(database, proof, "me@here")


def test_who_is_referred_here_does_not_change_in_silence(database: Database) -> None:
    install(database, GOOD, GOOD)
    comparison = compare_unseen(CANDIDATE, ACTIVE, from_csv(GOOD), from_csv(GOOD))
    scores = [number / 100 for number in range(100)]
    referral = compare_referral(scores, scores, (0.6, 0.7))
    proof = Proof(CANDIDATE, "it is a test's", Agreement(100, 90, 0.5, comparison, referral))
    said = r"100 newest films it refers 40.0 % of them, the bundle in use 30.0 %.* calibrate equivalent bbbb"
    with pytest.raises(PermanentError, match=said):
        activation.activate(database, proof, "me@here")
    activation.activate(database, proof, "me@here", "the programme has more tests now")
    assert read_history(database)[0].forced_reason == "the programme has more tests now"


def test_a_films_csv_that_is_none_is_named(database: Database) -> None:
    install(database, "digest;part", GOOD)
    with pytest.raises(PermanentError, match=r"bundle bbbbbbbbbbbb: films.csv cannot be read: .*columns"):
        activate(database, CANDIDATE)


def test_another_normalization_is_never_activated(database: Database) -> None:
    register(database, ACTIVE)
    activate(database, ACTIVE)
    register(database, CANDIDATE, normalization="tbscreen-normalization-0")
    for act in (lambda: activate(database, CANDIDATE, force="please"), lambda: _shadow(database, CANDIDATE)):
        with pytest.raises(PermanentError, match="needs normalization tbscreen-normalization-0"):
            act()


def test_a_rollback_asks_no_question(database: Database) -> None:
    install(database, GOOD, BAD)
    activate(database, CANDIDATE)
    done = activation.roll_back(database, "you@there")
    assert (done.model.digest, done.instead_of and done.instead_of.digest) == (ACTIVE, CANDIDATE)
    entry = read_history(database)[0]
    assert (entry.rollback, entry.activated_by) == (True, "you@there")


def test_a_bundle_is_meant_by_its_beginning_or_its_use(database: Database) -> None:
    install(database, GOOD, GOOD)
    activate(database, CANDIDATE)
    register(database, UNTRAINED, trained=False)
    _shadow(database, UNTRAINED)
    with database.read() as session:
        meant = {
            word: find_bundle(session, word).digest
            for word in ("active", "shadow", "previous", "a", CANDIDATE)
        }
        for word in ("", "d"):
            with pytest.raises(PermanentError, match="registered bundles begin with"):
                find_bundle(session, word)
    assert meant == {
        "active": CANDIDATE,
        "shadow": UNTRAINED,
        "previous": ACTIVE,
        "a": ACTIVE,
        CANDIDATE: CANDIDATE,
    }


def test_a_use_that_no_bundle_has_is_named(database: Database) -> None:
    with database.read() as session:
        for word in ("active", "shadow", "previous"):
            with pytest.raises(PermanentError, match=f"no bundle is {word}"):
                find_bundle(session, word)


def test_the_active_bundle_is_not_put_in_its_own_shadow(database: Database) -> None:
    install(database, GOOD, GOOD)
    with pytest.raises(PermanentError, match="is the active bundle"):
        _shadow(database, ACTIVE)
    _shadow(database, CANDIDATE)
    with database.read() as session:
        shadow = bundles.find_shadow(session)
    assert shadow is not None
    assert shadow.digest == CANDIDATE


def _shadow(database: Database, digest: str) -> None:
    activation.put_in_shadow(database, Proof(digest, "it is a test's"))


def _record(database: Database, worse: bool, swapped: bool = False) -> None:
    ours, theirs = (BAD, GOOD) if worse else (GOOD, BAD)
    comparison = compare_unseen(CANDIDATE, ACTIVE, from_csv(ours), from_csv(theirs))
    comparison = comparison.model_copy(update={"origin": "images"})
    if swapped:
        comparison = comparison.reverse()
    with database.write() as session:
        comparisons.record(
            session,
            comparison.candidate,
            comparison.reference,
            "me@here",
            comparison.model_dump(mode="json"),
        )
