"""A simulated programme through the real service, from the plan of its study to a threshold in use.

    python -m tests.e2e.calibration_programme                 # 5,000 people
    python -m tests.e2e.calibration_programme --people 400    # a few minutes

Films come by C-STORE, reads by REST, results as a laboratory's CSV; everything else is `tbscreen study` and
`calibrate`. The network is a small one whose score is the brightness of a film, so that each person's score
is known: scores of people with TB and of others are normal on the logit scale. The last line is one JSON
object; the exit status is 0 when the estimates cover the truth of these people, and new films are judged by
the new threshold.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import httpx
import numpy as np
from pydicom import dcmread
from pydicom.uid import generate_uid
from pynetdicom import AE
from rich.console import Console
from sqlalchemy import func, select

from db.accounts import api_tokens, users
from db.database import Database
from db.tables import Instance, Screening
from domain.roles import Permission, Role
from domain.secret_words import TOKEN_PREFIX, hash_secret, make_secret
from tbscreen.demo.trial import Trial, trial
from tests.films import real_film
from tests.servers.ports import wait_until
from tests.unit.worker.conftest import register
from tests.unit.worker.networks import write_network
from web.access.passwords import hash_password

PLANNED: Final = 220
"""People before the study, on whose scores it is planned."""
READ: Final = 50
"""People whose films are read."""
PREVALENCE: Final = 0.2
CENTRES: Final = {True: 1.6, False: -1.4}
"""Mean of the logit of the score, with a standard deviation of 1, of people with TB and of others."""
SLOPE: Final = 20.0
THRESHOLD: Final = 0.5
SENSITIVITY: Final = 0.8
AT_ONCE: Final = 200
SIDE: Final = 64
SHARES: Final = "0.3,0.5,0.7,1"


@dataclass(frozen=True)
class Person:
    """A simulated person."""

    number: int
    is_tb: bool
    score: float

    @property
    def patient_id(self) -> str:
        """The person's Patient ID."""
        return f"P{self.number:05d}"


def draw_people(count: int, first: int, generator: np.random.Generator) -> list[Person]:
    """Draw people with numbers from `first` on."""
    people = []
    for number in range(first, first + count):
        is_tb = bool(generator.random() < PREVALENCE)
        logit = generator.normal(CENTRES[is_tb], 1.0)
        people.append(Person(number, is_tb, float(1 / (1 + np.exp(-logit)))))
    return people


def send(port: int, people: Sequence[Person]) -> None:
    """Send a film of each person by C-STORE."""
    film = dcmread(real_film())
    entity = AE(ae_title="MODALITY")
    entity.add_requested_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", port, ae_title="TBSCREEN")
    assert association.is_established
    for person in people:
        bright = 0.5 + np.log(person.score / (1 - person.score)) / SLOPE
        pixels = np.full((SIDE, SIDE), round(bright * 4095), np.uint16)
        pixels[0] += np.arange(SIDE, dtype=np.uint16) % 2  # a film of one value is none
        film.Rows = film.Columns = SIDE
        film.PhotometricInterpretation, film.PresentationLUTShape = "MONOCHROME2", "IDENTITY"
        film.WindowCenter, film.WindowWidth = 2048, 4096
        film.PixelData = pixels.tobytes()
        film.PatientID, film.AccessionNumber = person.patient_id, f"A{person.number:05d}"
        film.PatientName, film.PatientBirthDate = f"Person^{person.number}", "19800101"
        film.PatientAge, film.PatientSex = "046Y", "FM"[person.number % 2]
        film.StudyDate = film.SeriesDate = f"{date.today():%Y%m%d}"
        film.StudyInstanceUID, film.SeriesInstanceUID = generate_uid(), generate_uid()
        film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        answer = association.send_c_store(film)
        assert answer.get("Status") == 0x0000, f"{person.patient_id} is not answered with success: {answer}"
    association.release()


def wait_for_screenings(database: Database, count: int) -> None:
    """Wait until so many films are screened."""

    def is_done() -> bool:
        with database.read() as session:
            return (session.scalar(select(func.count()).select_from(Screening)) or 0) >= count

    wait_until(is_done, 600.0, f"{count} films are screened")


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


def read_by_rest(service: Trial, people: Sequence[Person]) -> int:
    """Give a verdict on some studies as a program does; returns how many are stored."""
    secret = make_secret(TOKEN_PREFIX)
    with service.database.write() as session:
        rosa = users.add(session, "rosa", Role.READER, hash_password(make_secret()))
        scopes = [Permission.WORKLIST, Permission.READ]
        api_tokens.issue(session, rosa, "programme", hash_secret(secret), scopes, timedelta(hours=1))
        rows = session.execute(select(Instance.header)).scalars().all()
    uids = {header["00100020"]["Value"][0]: header["0020000D"]["Value"][0] for header in rows}
    headers = {"Authorization": f"Bearer {secret}"}
    stored = 0
    with httpx.Client(base_url=service.service.page, headers=headers) as client:
        for person in people:
            verdict = {"verdict": "tb" if person.is_tb else "not_tb"}
            answer = client.post(f"/api/v1/studies/{uids[person.patient_id]}/reads", json=verdict)
            stored += answer.status_code == 201
    return stored


def write_results(service: Trial, people: Sequence[Person]) -> int:
    """Write the laboratory's file on those who are to be tested, one in twenty without a result."""
    run(service, "study", "tests", "--csv", "to-test.csv")
    with (service.directory / "to-test.csv").open(encoding="utf-8", newline="") as file:
        drawn = {row["patient_id"] for row in csv.DictReader(file)}
    tested = [person for person in people if person.patient_id in drawn and person.number % 20]
    lines = ["patient_id,specimen_date,method,result"]
    for person in tested:
        result = "positive" if person.is_tb else "negative"
        lines.append(f"{person.patient_id},{date.today()},ultra,{result}")
    (service.directory / "lab.csv").write_text("\n".join(lines), "utf-8")
    run(service, "results", "import", "lab.csv")
    return len(tested)


def find_truth(people: Sequence[Person], threshold: float) -> dict[str, float]:
    """Return sensitivity and specificity among all these people."""
    positive = np.array([person.score >= threshold for person in people])
    is_tb = np.array([person.is_tb for person in people])
    return {
        "sensitivity": float(positive[is_tb].mean()),
        "specificity": float((~positive[~is_tb]).mean()),
    }


def run_programme(count: int, console: Console) -> dict[str, Any]:
    """Run a programme of so many people; returns what came of it."""
    generator = np.random.default_rng(20)
    before = draw_people(PLANNED, 0, generator)
    people = draw_people(count, PLANNED, generator)
    options = ("--prevalence", str(PREVALENCE), "--shares", SHARES)
    exact = '[worker]\nruntime = "keras"\nprecision = "float32"\n'
    with trial(console.print, gateway="image_guard = false", tables=exact) as service:
        bundle = write_network(
            service.directory / "bundle",
            weight=SLOPE,
            offset=-SLOPE / 2,
            name="brightness",
            operating_points=[
                {"name": "screening", "threshold": THRESHOLD, "sensitivity": 0.9, "specificity": 0.9},
                {"name": "rule_in", "threshold": 0.9, "sensitivity": 0.5, "specificity": 0.99},
            ],
            calibration={"method": "platt", "slope": 1.0, "intercept": 0.0, "prevalence": 0.5},
        )
        register(service.database, bundle)
        port = service.service.dicom_port
        send(port, before)
        wait_for_screenings(service.database, PLANNED)
        run(service, "study", "start", "programme", *options)
        began = time.monotonic()
        for first in range(0, count, AT_ONCE):
            send(port, people[first : first + AT_ONCE])
            wait_for_screenings(service.database, PLANNED + min(first + AT_ONCE, count))
            console.print(f"{min(first + AT_ONCE, count)} of {count} people are screened")
        films_s = time.monotonic() - began
        reads = read_by_rest(service, people[:READ])
        tested = write_results(service, people)
        analysis = json.loads(run(service, "study", "analyse", "--sensitivity", str(SENSITIVITY), "--json"))
        console.print(run(service, "study", "analyse", "--sensitivity", str(SENSITIVITY)))
        run(service, "study", "close", "--sensitivity", str(SENSITIVITY))
        run(service, "calibrate", "activate", "1", "--reason", "by the study")
        after = draw_people(1, PLANNED + count, generator)
        send(port, after)
        wait_for_screenings(service.database, PLANNED + count + 1)
        with service.database.read() as session:
            newest = session.scalars(select(Screening).order_by(Screening.id.desc()).limit(1)).one()
            point, threshold = newest.operating_point, newest.threshold
    chosen = analysis["recommended"]["threshold"]
    truth = find_truth(people, THRESHOLD)
    covered = {
        name: analysis["current"][name]["low"] <= value <= analysis["current"][name]["high"]
        for name, value in truth.items()
    }
    return {
        "people": analysis["people"],
        "tested": tested,
        "reads": reads,
        "threshold": chosen,
        "true_at_chosen": find_truth(people, chosen),
        "estimated": {name: analysis["current"][name] for name in truth},
        "true": truth,
        "covered": covered,
        "new_films_by": point,
        "films_a_second": round(count / films_s, 2),
        "good": all(covered.values())
        and analysis["people"] == count
        and reads == min(READ, count)
        and point.startswith("local_")
        and threshold == chosen,
    }


def main() -> None:
    """Run it, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--people", type=int, default=5000, help="people of the study (default: %(default)s)")
    outcome = run_programme(parser.parse_args().people, Console(stderr=True))
    sys.stdout.write(json.dumps(outcome) + "\n")
    sys.exit(0 if outcome["good"] else 1)


if __name__ == "__main__":
    main()
