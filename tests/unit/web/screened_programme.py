"""A site with an active bundle: 250 people of last month and 700 of this one, a fifth of whom has TB."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import numpy as np
from scipy.special import expit
from sqlalchemy import select, update

from db.bacteriology import results
from db.bacteriology.results import NewResult
from db.clock import now
from db.database import Database
from db.tables import CalibrationStudy, Instance, Model, Screening, Study
from domain.bacteriology import Method, Outcome
from tests.unit.reports.small_database import TRAINED, Film, fill

BEFORE, PEOPLE = 250, 700
PREVALENCE: Final = 0.2
CALIBRATED: Final = {"method": "platt", "slope": 1.0, "intercept": 0.0, "prevalence": 0.5}
SHARES: Final = "30, 50, 70, 100"
"""Shares of people to test, in percent, so that a small study finds enough people with TB."""


def fill_programme(database: Database) -> dict[str, bool]:
    """Write the films; returns for each accession number of the study's people whether it has TB."""
    generator = np.random.default_rng(5)
    is_tb = generator.random(BEFORE + PEOPLE) < PREVALENCE
    scores = expit(generator.normal(np.where(is_tb, 1.5, -1.2), 1.0))
    days = [now() - timedelta(days=40 if number < BEFORE else 10) for number in range(BEFORE + PEOPLE)]
    fill(
        database,
        [
            Film(f"{day:%Y-%m-%d} 10:00", float(score), sex="FM"[number % 2])
            for number, (day, score) in enumerate(zip(days, scores, strict=True))
        ],
    )
    with database.write() as session:
        score = select(Screening.score).join(Instance).where(Instance.study_id == Study.id).scalar_subquery()
        session.execute(update(Study).values(state="screened", probability=score))
        session.execute(update(Model).values(active=False))
        model = session.get_one(Model, TRAINED)
        model.active, model.manifest = True, {**model.manifest, "calibration": CALIBRATED}
    return {f"ACC{number + 1}": bool(is_tb[number]) for number in range(BEFORE, BEFORE + PEOPLE)}


def begin_earlier(database: Database) -> None:
    """Let a study have begun before this month's films came."""
    with database.write() as session:
        session.execute(update(CalibrationStudy).values(started_at=now() - timedelta(days=20)))


def record_results(database: Database, truth: Mapping[str, bool], accessions: list[str]) -> None:
    """Record a laboratory's results, by accession number."""
    day = f"{now() - timedelta(days=9):%Y%m%d}"
    new = [
        NewResult(
            Method.ULTRA,
            Outcome.POSITIVE if truth[accession] else Outcome.NEGATIVE,
            day,
            accession_number=accession,
        )
        for accession in accessions
    ]
    with database.write() as session:
        results.record(session, new, "laboratory")
