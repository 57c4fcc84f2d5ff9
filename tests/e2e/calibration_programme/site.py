"""The site around the service: its commands, reads by REST, the laboratory's file."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import httpx
from sqlalchemy import func, select

from db.accounts import api_tokens, users
from db.clock import now
from db.database import Database
from db.states import FilmState
from db.tables import Instance, Screening, Study
from domain.codes import Finding, Priority
from domain.roles import Permission, Role
from domain.secret_words import TOKEN_PREFIX, hash_secret, make_secret
from tbscreen.demo.trial import Trial
from tests.e2e.calibration_programme.people import THRESHOLD, Person
from tests.servers.ports import wait_until
from web.access.passwords import hash_password

WITHOUT_RESULT: Final = 20
"""One drawn person of so many gives no result."""


def run(service: Trial, *words: str) -> str:
    """Run a command of `tbscreen` beside the service; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tbscreen", *words],
        cwd=service.directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wait_for_screenings(database: Database, count: int) -> None:
    """Wait until so many films are screened."""

    def is_done() -> bool:
        with database.read() as session:
            return (session.scalar(select(func.count()).select_from(Screening)) or 0) >= count

    wait_until(is_done, 600.0, f"{count} films are screened")


def write_history(database: Database, digest: str, people: Sequence[Person]) -> None:
    """Write the rows of films that were screened before, to spare their way through the service."""
    moment = now() - timedelta(days=1)
    with database.write() as session:
        for person in people:
            uid = f"2.25.{person.number + 1}"
            study = Study(
                study_instance_uid=uid,
                patient_id=person.patient_id,
                received_at=moment,
                state=FilmState.SCREENED,
            )
            session.add(study)
            session.flush()
            instance = Instance(
                study_id=study.id,
                sop_instance_uid=f"{uid}.1",
                sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
                transfer_syntax_uid="1.2.840.10008.1.2.1",
                dataset_sha256=f"{person.number:064x}",
                revision=1,
                current=True,
                calling_ae_title="MODALITY",
                gateway="history",
                byte_size=1,
                header={},
                state=FilmState.SCREENED,
                due_at=moment,
                requested_at=moment,
                received_at=moment,
                prepared_at=moment,
                state_changed_at=moment,
            )
            session.add(instance)
            session.flush()
            is_positive = person.score >= THRESHOLD
            session.add(
                Screening(
                    instance_id=instance.id,
                    bundle_digest=digest,
                    operating_point="screening",
                    threshold=THRESHOLD,
                    score=person.score,
                    probability=person.score,
                    calibrated_threshold=THRESHOLD,
                    finding=Finding.PRESENT if is_positive else Finding.ABSENT,
                    priority=Priority.MEDIUM if is_positive else Priority.LOW,
                    worker="history",
                    started_at=moment,
                    finished_at=moment,
                )
            )


def read_by_rest(service: Trial, people: Sequence[Person]) -> int:
    """Give a verdict on some studies as a program does; returns how many are stored."""
    secret = make_secret(TOKEN_PREFIX)
    with service.database.write() as session:
        rosa = users.add(session, "rosa", Role.READER, hash_password(make_secret()))
        scopes = [Permission.WORKLIST, Permission.READ]
        api_tokens.issue(session, rosa, "programme", hash_secret(secret), scopes, timedelta(hours=1))
        rows = session.execute(select(Study.patient_id, Study.study_instance_uid)).all()
    uids = {row.patient_id: row.study_instance_uid for row in rows}
    headers = {"Authorization": f"Bearer {secret}"}
    stored = 0
    with httpx.Client(base_url=service.service.page, headers=headers) as client:
        for person in people:
            verdict = {"verdict": "tb" if person.is_tb else "not_tb"}
            answer = client.post(f"/api/v1/studies/{uids[person.patient_id]}/reads", json=verdict)
            stored += answer.status_code == 201
    return stored


def list_drawn(service: Trial) -> set[str]:
    """Return the Patient IDs of those who are to be tested."""
    run(service, "study", "tests", "--csv", "to-test.csv")
    with (service.directory / "to-test.csv").open(encoding="utf-8", newline="") as file:
        return {row["patient_id"] for row in csv.DictReader(file)}


def write_results(service: Trial, people: Sequence[Person], drawn: set[str]) -> set[str]:
    """Import the laboratory's file; returns the Patient IDs of those with a result."""
    tested = [person for person in people if person.patient_id in drawn and person.number % WITHOUT_RESULT]
    lines = ["patient_id,specimen_date,method,result"]
    for person in tested:
        result = "positive" if person.is_tb else "negative"
        lines.append(f"{person.patient_id},{date.today()},ultra,{result}")
    (service.directory / "lab.csv").write_text("\n".join(lines), "utf-8")
    run(service, "results", "import", "lab.csv")
    return {person.patient_id for person in tested}
