"""The state machines allow exactly what their tables say, and are the only way to another state."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import CursorResult, inspect, select, update
from sqlalchemy.orm import Session

from db import states
from db.clock import now
from db.database import Database
from db.delivery import commitment_requests, commitments, deliveries
from db.pulls import listed_studies, pulled_studies, pulls
from db.pulls.listed_studies import ListedStudy
from db.states import FilmState, PulledStudyState, StateMachine
from db.tables import Delivery, Instance, PulledStudy
from domain.errors import PermanentError, TransientError
from tests import checkout
from tests.unit import rows

ALLOWED_FILM = {
    ("received", "queued"),
    ("received", "refused"),
    ("queued", "received"),
    ("queued", "screened"),
    ("queued", "refused"),
    ("refused", "received"),
}
ALLOWED_DELIVERY = {
    ("pending", "delivered"),
    ("pending", "parked"),
    ("delivered", "pending"),
    ("parked", "pending"),
    ("parked", "delivered"),
}
ALLOWED_COMMITMENT = {
    ("wanted", "asked"),
    ("wanted", "committed"),
    ("wanted", "parked"),
    ("asked", "wanted"),
    ("asked", "failed"),
    ("asked", "committed"),
    ("asked", "parked"),
    ("failed", "wanted"),
    ("failed", "parked"),
    ("parked", "wanted"),
    ("parked", "committed"),
    ("committed", "wanted"),
}
ALLOWED_PULL = {
    ("idle", "running"),
    ("running", "running"),
    ("running", "idle"),
    ("running", "complete"),
    ("complete", "running"),
}
ALLOWED_PULLED_STUDY = {
    ("wanted", "fetching"),
    ("fetching", "wanted"),
    ("fetching", "complete"),
    ("fetching", "unwanted"),
    ("fetching", "failed"),
    ("complete", "wanted"),
    ("unwanted", "wanted"),
    ("failed", "wanted"),
}
ALLOWED_TRANSACTION = {("open", "lapsed"), ("open", "answered"), ("lapsed", "answered")}


def make_film(database: Database) -> None:
    rows.receive(database)


def make_delivery(database: Database) -> None:
    rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database))
    rows.report(database, ["pacs"])


def make_commitment(database: Database) -> None:
    make_delivery(database)
    with database.write() as session:
        delivery_id = session.scalars(select(Delivery.id)).one()
        deliveries.mark_delivered(session, delivery_id)
        commitments.want(session, delivery_id, timedelta(0))


def make_request(database: Database) -> None:
    make_commitment(database)
    with database.write() as session:
        assert commitment_requests.begin(session, "pacs", "2.25.99", timedelta(minutes=1), 9)


def make_pulled_study(database: Database, studies: int = 1) -> None:
    with database.write() as session:
        pull_id = pulls.begin(session, "nightly", "pacs", ("20260101", "20260131"), "here:1", rows.LEASE)
        assert pull_id is not None
        found = [ListedStudy(f"1.2.{number}") for number in range(studies)]
        listed_studies.record_listed(session, pull_id, found, retry_failed=False)


@dataclass(frozen=True)
class Case:
    """One machine, a row for it to move, and the transitions that it must allow."""

    machine: StateMachine[Any]
    make_row: Callable[[Database], None]
    allowed: set[tuple[str, str]]


CASES = {
    "film": Case(states.FILM, make_film, ALLOWED_FILM),
    "delivery": Case(states.DELIVERY, make_delivery, ALLOWED_DELIVERY),
    "commitment": Case(states.COMMITMENT, make_commitment, ALLOWED_COMMITMENT),
    "commitment request": Case(states.TRANSACTION, make_request, ALLOWED_TRANSACTION),
    "pull": Case(states.PULL, make_pulled_study, ALLOWED_PULL),
    "pulled study": Case(states.PULLED_STUDY, make_pulled_study, ALLOWED_PULLED_STUDY),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest, database: Database) -> Case:
    made: Case = request.param
    made.make_row(database)
    return made


def list_pairs(case: Case) -> Iterator[tuple[Any, Any]]:
    """Return every state of a machine with every state."""
    yield from itertools.product(case.machine.transitions, case.machine.transitions)


def set_state(session: Session, case: Case, state: str) -> None:
    """Write a state behind the back of the machine, and of the session's objects."""
    statement = update(case.machine.table).values(state=state)
    session.execute(statement, execution_options={"synchronize_session": False})


def read_state(session: Session, case: Case) -> str:
    """Return the state that the database holds."""
    return str(session.execute(select(case.machine.table.state)).scalar_one())


def test_a_row_makes_exactly_the_transitions_of_the_table(database: Database, case: Case) -> None:
    for before, after in list_pairs(case):
        with database.write() as session:
            set_state(session, case, before)
            row = session.scalars(select(case.machine.table).with_for_update()).one()
            if (before.value, after.value) in case.allowed:
                case.machine.move(session, row, after)
                assert (row.state, read_state(session, case)) == (after, after)
                assert not inspect(row).modified, "the UPDATE has written it, no flush will"
            else:
                message = f"^{case.machine.noun} cannot go from {before} to {after}$"
                with pytest.raises(PermanentError, match=message):
                    case.machine.move(session, row, after)
                assert (row.state, read_state(session, case)) == (before, before)


def test_the_guarded_update_moves_no_row_that_may_not_go_there(database: Database, case: Case) -> None:
    moved = set()
    for before, after in list_pairs(case):
        with database.write() as session:
            set_state(session, case, before)
            result = session.execute(
                case.machine.build_update(after), execution_options={"synchronize_session": False}
            )
            assert isinstance(result, CursorResult)
            if result.rowcount:
                moved.add((before.value, after.value))
            assert read_state(session, case) == (after if result.rowcount else before)
    assert moved == case.allowed


def test_a_row_that_another_transaction_moved_stays_where_it_is(database: Database, case: Case) -> None:
    before, after, unlike = next(
        (before, after, unlike)
        for before, after in list_pairs(case)
        for unlike in case.machine.transitions
        if (before.value, after.value) in case.allowed and (unlike.value, after.value) not in case.allowed
    )
    with database.write() as session:
        set_state(session, case, before)
        row = session.scalars(select(case.machine.table)).one()
        set_state(session, case, unlike)
        with pytest.raises(TransientError, match="moved by another transaction"):
            case.machine.move(session, row, after)
        assert read_state(session, case) == unlike


def test_columns_are_written_with_the_state_and_films_with_the_time(database: Database) -> None:
    instance_id = rows.receive(database).instance_id
    began = now()
    with database.write() as session:
        film = session.get_one(Instance, instance_id, with_for_update=True)
        film.preparation_attempts = 2
        states.FILM.move(session, film, FilmState.QUEUED, queued_at=began, preparation_attempts=0)
        assert (film.state, film.queued_at, film.preparation_attempts) == ("queued", began, 0)
    with database.read() as session:
        film = session.get_one(Instance, instance_id)
        assert (film.state, film.queued_at, film.preparation_attempts) == ("queued", began, 0)
        assert film.state_changed_at >= began


def test_any_number_of_rows_moves_at_once(database: Database) -> None:
    count = states.ROWS_PER_UPDATE + 1
    make_pulled_study(database, count)
    with database.write() as session:
        found = session.scalars(select(PulledStudy).with_for_update()).all()
        states.PULLED_STUDY.move_all(session, found, PulledStudyState.FETCHING, attempts=1)
        states.PULLED_STUDY.move_all(session, [], PulledStudyState.WANTED)
    with database.read() as session:
        assert pulled_studies.count(session, found[0].pull_id).fetching == count


# ---- nothing else writes a state -------------------------------------------------------------------------

DERIVED = "db/worklist/studies.py"
"""A study has no machine: its state follows from its films."""


def find_written_states(source: str) -> list[int]:
    """Return the lines that write a state into a row that exists."""
    found = []
    for node in ast.walk(ast.parse(source)):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        parts = [part for target in targets for part in ast.walk(target)]
        if any(
            isinstance(part, ast.Attribute) and part.attr == "state" and isinstance(part.ctx, ast.Store)
            for part in parts
        ) or (isinstance(node, ast.Call) and _writes_state(node)):
            found.append(node.lineno)
    return found


def _writes_state(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name not in ("values", "setattr", "set_committed_value"):
        return False
    given = [part for argument in call.args for part in ast.walk(argument)]
    return any(keyword.arg == "state" for keyword in call.keywords) or any(
        (isinstance(part, ast.Constant) and part.value == "state")
        or (isinstance(part, ast.Attribute) and part.attr == "state")
        for part in given
    )


def test_no_other_module_writes_a_state_into_a_row_that_exists() -> None:
    written = {
        str(path.relative_to(checkout.ROOT)): lines
        for path in sorted((checkout.ROOT / "db").rglob("*.py"))
        if (lines := find_written_states(path.read_text("utf-8")))
    }
    assert set(written) == {"db/states.py", DERIVED}, written


@pytest.mark.parametrize(
    "source",
    [
        "row.state = after.value",
        "row.state, row.due_at = after.value, now()",
        "update(Instance).values(state='queued', due_at=now())",
        "update(Instance).values({'state': 'queued'})",
        "update(Instance).values({Instance.state: 'queued'})",
        "setattr(row, 'state', 'queued')",
    ],
)
def test_the_look_for_written_states_sees_each_way_to_write_one(source: str) -> None:
    assert find_written_states(source) == [1]


def test_a_new_row_begins_in_a_state() -> None:
    assert find_written_states("Instance(state='received').state == 'received'") == []
