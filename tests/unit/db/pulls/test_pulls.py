"""Pulls and the studies that they find: one process at a time, nothing fetched twice, nothing forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, update

from db.clock import now
from db.database import Database
from db.films import receptions
from db.pulls import listed_studies, pulled_studies, pulls
from db.pulls.listed_studies import FetchDecision, ListedStudy
from db.pulls.pulled_studies import StudyCounts, TakenStudy
from db.states import PullState
from db.tables import Pull, PulledStudy
from tests.unit import rows

LEASE = timedelta(minutes=1)
DATES = ("20261101", "20261107")


def begin(
    database: Database, name: str = "pacs week", holder: str = "here:1", **changes: object
) -> int | None:
    with database.write() as session:
        return pulls.begin(session, name, "pacs", DATES, holder, LEASE, **changes)


def begun(database: Database, name: str = "pacs week", holder: str = "here:1") -> int:
    pull_id = begin(database, name, holder)
    assert pull_id is not None
    return pull_id


def find(
    database: Database, pull_id: int, *studies: str | ListedStudy, retry_failed: bool = False
) -> dict[FetchDecision, int]:
    found = [ListedStudy(study, 2) if isinstance(study, str) else study for study in studies]
    with database.write() as session:
        counts = listed_studies.record_listed(session, pull_id, found, retry_failed=retry_failed)
    return {kind: number for kind, number in counts.items() if number}


def take_study(database: Database, pull_id: int, holder: str | None = None) -> TakenStudy | None:
    """Take a study, as whoever is at the pull unless told as whom."""
    with database.write() as session:
        current = session.get_one(Pull, pull_id).holder
        assert current is not None
        return pulled_studies.take(session, pull_id, holder or current)


def take(database: Database, pull_id: int) -> str | None:
    taken = take_study(database, pull_id)
    return None if taken is None else taken.study_instance_uid


def end_study(database: Database, uid: str, films: int = 1, error: str | None = None) -> None:
    with database.write() as session:
        row = session.scalars(select(PulledStudy).where(PulledStudy.study_instance_uid == uid)).one()
        holder = session.get_one(Pull, row.pull_id).holder
        assert holder is not None
        study = TakenStudy(row.id, row.pull_id, holder, uid, row.attempts)
        if error is None:
            assert pulled_studies.mark_complete(session, study, films)
        else:
            assert pulled_studies.mark_failed(session, study, films, error)


def end(database: Database, pull_id: int, holder: str = "here:1", pause_s: float = 0) -> None:
    with database.write() as session:
        pulls.end(session, pull_id, holder, complete=False, pause=timedelta(seconds=pause_s))


def let_lease_end(database: Database) -> None:
    with database.write() as session:
        session.execute(update(Pull).values(due_at=now()))


def states(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(PulledStudy.state).order_by(PulledStudy.study_instance_uid)))


def test_of_processes_that_begin_the_same_pull_at_once_one_gets_it(database: Database) -> None:
    barrier = Barrier(4)

    def attempt(number: int) -> int | None:
        barrier.wait(timeout=30)
        return begin(database, holder=f"gateway-{number}:1")

    with ThreadPoolExecutor(4) as threads:
        given = list(threads.map(attempt, range(4)))
    assert sorted(lease is None for lease in given) == [False, True, True, True]


def test_a_lease_is_kept_by_renewing_and_taken_over_when_it_ends(sqlite_database: Database) -> None:
    pull_id = begun(sqlite_database)
    assert begin(sqlite_database, holder="there:2") is None
    with sqlite_database.write() as session:
        holder = pulls.find_holder(session, "pacs week")
        assert holder is not None
        assert holder.name == "here:1"
        assert pulls.renew(session, pull_id, "here:1", LEASE)
    let_lease_end(sqlite_database)
    assert begin(sqlite_database, holder="there:2") == pull_id
    with sqlite_database.write() as session:
        assert not pulls.renew(session, pull_id, "here:1", LEASE), "the first one hears that it lost it"
        pulls.end(session, pull_id, "here:1", complete=True)
        assert session.get_one(Pull, pull_id).state == PullState.RUNNING, "and ends nothing any more"


def test_a_schedule_is_not_due_before_its_pause_is_over(sqlite_database: Database) -> None:
    pull_id = begun(sqlite_database)
    end(sqlite_database, pull_id, pause_s=60)
    assert begin(sqlite_database, only_if_due=True) is None
    assert begin(sqlite_database) == pull_id, "a command does not wait for it"
    end(sqlite_database, pull_id)
    assert begin(sqlite_database, only_if_due=True) == pull_id


def test_what_a_dead_process_had_begun_is_wanted_again_and_what_was_complete_is_not(
    database: Database,
) -> None:
    pull_id = begun(database)
    assert find(database, pull_id, "1.1", "1.2", "1.3") == {FetchDecision.TO_FETCH: 3}
    assert take(database, pull_id) == "1.1"
    end_study(database, "1.1")
    assert take(database, pull_id) == "1.2"
    let_lease_end(database)
    assert begin(database, holder="there:2") == pull_id
    assert states(database) == ["complete", "wanted", "wanted"]
    assert find(database, pull_id, "1.1", "1.2", "1.3") == {FetchDecision.HERE: 1, FetchDecision.TO_FETCH: 2}
    assert [take(database, pull_id) for _ in range(3)] == ["1.2", "1.3", None]


@pytest.mark.parametrize("films", [1, 0], ids=["complete", "without a chest film"])
def test_a_study_is_looked_at_again_only_when_the_peer_has_more_of_it(
    sqlite_database: Database, films: int
) -> None:
    pull_id = begun(sqlite_database)
    find(sqlite_database, pull_id, ListedStudy("1.1", 2), ListedStudy("1.2"))
    for uid in ("1.1", "1.2"):
        assert take(sqlite_database, pull_id) == uid
        end_study(sqlite_database, uid, films)
    assert find(sqlite_database, pull_id, ListedStudy("1.1", 2), ListedStudy("1.2")) == {
        FetchDecision.HERE: 2
    }
    assert find(sqlite_database, pull_id, ListedStudy("1.1", 3)) == {FetchDecision.TO_FETCH: 1}
    with sqlite_database.write() as session:
        session.execute(update(PulledStudy).values(ended_at=now() - listed_studies.LOOK_AGAIN_AFTER))
    assert find(sqlite_database, pull_id, ListedStudy("1.2")) == {FetchDecision.TO_FETCH: 1}, (
        "its number is not known"
    )


def test_a_failed_study_that_the_dates_no_longer_reach_is_wanted_again_when_due(
    sqlite_database: Database,
) -> None:
    pull_id = begun(sqlite_database)
    find(sqlite_database, pull_id, "1.1")
    take(sqlite_database, pull_id)
    end_study(sqlite_database, "1.1", error="0xB000")
    with sqlite_database.write() as session:
        assert pulled_studies.want_due(session, pull_id) == 0, "not due yet"
    rows.make_due(sqlite_database, PulledStudy)
    with sqlite_database.write() as session:
        assert pulled_studies.want_due(session, pull_id) == 1
    assert take(sqlite_database, pull_id) == "1.1"


def test_a_failed_study_waits_for_a_schedule_and_not_for_a_command(sqlite_database: Database) -> None:
    pull_id = begun(sqlite_database)
    find(sqlite_database, pull_id, "1.1")
    take(sqlite_database, pull_id)
    end_study(sqlite_database, "1.1", error="0xB000")
    assert find(sqlite_database, pull_id, "1.1") == {FetchDecision.LEFT: 1}
    with sqlite_database.write() as session:
        assert pulled_studies.want_failed(session, pull_id, 1) == 0, "tried once already"
        assert pulled_studies.want_failed(session, pull_id, 2) == 1
    take(sqlite_database, pull_id)
    end_study(sqlite_database, "1.1", error="0xB000")
    rows.make_due(sqlite_database, PulledStudy)
    assert find(sqlite_database, pull_id, "1.1") == {FetchDecision.TO_FETCH: 1}, (
        "a schedule tries again when due"
    )
    take(sqlite_database, pull_id)
    end_study(sqlite_database, "1.1", error="0xB000")
    assert find(sqlite_database, pull_id, "1.1", retry_failed=True) == {FetchDecision.TO_FETCH: 1}
    with sqlite_database.read() as session:
        assert session.scalars(select(PulledStudy.attempts)).one() == 0


def test_whoever_lost_a_pull_writes_nothing_into_what_another_fetches(database: Database) -> None:
    pull_id = begun(database)
    find(database, pull_id, "1.1", "1.2")
    lost = take_study(database, pull_id, "here:1")
    assert lost is not None
    let_lease_end(database)
    assert begin(database, holder="there:2") == pull_id

    def mark_all() -> list[bool]:
        with database.write() as session:
            return [
                pulled_studies.mark_complete(session, lost, 2),
                pulled_studies.mark_failed(session, lost, 1, "1 of 2 films did not come"),
                pulled_studies.hand_back(session, lost),
            ]

    assert mark_all() == [False] * 3, "it is wanted again"
    taken = take_study(database, pull_id, "there:2")
    assert taken is not None
    assert taken.study_instance_uid == lost.study_instance_uid
    assert mark_all() == [False] * 3, "it is in other hands"
    assert find(database, pull_id, "1.1") == {FetchDecision.LEFT: 1}, (
        "nor is it taken from them by finding it"
    )
    assert take_study(database, pull_id, "here:1") is None
    assert states(database) == ["fetching", "wanted"]

    with database.write() as session:
        assert pulled_studies.mark_failed(session, taken, 1, "1 of 2 films did not come")
        pulled_studies.forget_failed(session)
    assert mark_all() == [False] * 3, "it is forgotten"


def test_two_pulls_share_what_both_find(sqlite_database: Database) -> None:
    first = begun(sqlite_database)
    second = begun(sqlite_database, "schedule", "there:2")
    find(sqlite_database, first, "1.1", "1.2", "1.3")
    assert take(sqlite_database, first) == "1.1"
    end_study(sqlite_database, "1.1")
    assert take(sqlite_database, first) == "1.2"
    assert find(sqlite_database, second, "1.1", "1.2", "1.3") == {
        FetchDecision.HERE: 1,
        FetchDecision.LEFT: 1,
        FetchDecision.TO_FETCH: 1,
    }
    assert (take(sqlite_database, second), take(sqlite_database, first)) == ("1.3", None)
    with sqlite_database.read() as session:
        assert pulled_studies.count(session, second) == StudyCounts(fetching=1)
    end(sqlite_database, first)
    assert find(sqlite_database, second, "1.2") == {FetchDecision.TO_FETCH: 1}, (
        "its pull has ended without it"
    )


def test_pulls_that_find_the_same_studies_at_once_do_not_disturb_each_other(
    postgresql_database: Database,
) -> None:
    names = [f"pull {number}" for number in range(4)]
    ids = [begun(postgresql_database, name, name) for name in names]
    uids = [f"1.{number}" for number in range(30)]
    barrier = Barrier(4)

    def attempt(number: int) -> dict[FetchDecision, int]:
        barrier.wait(timeout=30)
        order: Sequence[str] = uids if number % 2 else list(reversed(uids))
        return find(postgresql_database, ids[number], *order)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(attempt, range(4))) == [{FetchDecision.TO_FETCH: 30}] * 4
    assert states(postgresql_database) == ["wanted"] * 30


def test_no_study_is_complete_that_nobody_fetches(sqlite_database: Database) -> None:
    pull_id = begun(sqlite_database)
    find(sqlite_database, pull_id, "1.1")
    taken = take_study(sqlite_database, pull_id)
    assert taken is not None
    with sqlite_database.write() as session:
        assert pulled_studies.hand_back(session, taken)
        assert not pulled_studies.mark_complete(session, taken, 1)
    assert states(sqlite_database) == ["wanted"]


def test_what_is_here_and_what_waits(sqlite_database: Database) -> None:
    rows.receive(sqlite_database, "1.2.3.1")
    rows.receive(sqlite_database, "1.2.3.2")
    with sqlite_database.read() as session:
        listed = ["1.2.3.1", "1.2.3.9"]
        assert receptions.find_missing(session, listed, "1.2.3", ["PACS"]) == {"1.2.3.9"}
        assert receptions.find_missing(session, listed, "1.2.4", ["PACS"]) == {"1.2.3.1", "1.2.3.9"}
        assert receptions.find_missing(session, listed, "1.2.4", ["PACS", "MODALITY"]) == {"1.2.3.9"}
        assert receptions.count_waiting(session, rows.GATEWAY, 9) == 2
        assert receptions.count_waiting(session, rows.GATEWAY, 1) == 1
        assert receptions.count_waiting(session, "another", 9) == 0
