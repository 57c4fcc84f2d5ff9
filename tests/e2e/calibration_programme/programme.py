"""The programme from its plan to a film that is judged by the signed threshold."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from sqlalchemy import select

from db.tables import Instance, Screening, Study
from tbscreen.demo.trial import Trial, trial
from tests.e2e.calibration_programme import site
from tests.e2e.calibration_programme.books import Entry, compare, count_figures, find_level, find_truth
from tests.e2e.calibration_programme.people import (
    PREVALENCE,
    THRESHOLD,
    Person,
    draw_people,
    send,
    write_bundle,
)
from tests.unit.worker.conftest import register

PLANNED: Final = 220
"""People before the study, on whose scores it is planned."""
AT_ONCE: Final = 200
EXACT: Final = '[worker]\nruntime = "keras"\nprecision = "float32"\n'
PRICES: Final = ("--film-price", "2", "--test-price", "12")


def run_programme(
    count: int,
    progress: Callable[[str], None],
    *,
    sensitivity: float = 0.8,
    shares: str = "0.3,0.5,0.7,1",
    reads: int = 50,
    films_before: bool = True,
) -> dict[str, Any]:
    """Run a programme; returns what came of it, with `good` where all is as it should be.

    Args:
        count: people of the study.
        progress: told how far it is.
        sensitivity: wanted of the threshold.
        shares: share of people to test in each band.
        reads: people whose films are read.
        films_before: the site's films before the study come by C-STORE; False writes their rows.
    """
    generator = np.random.default_rng(20)
    before = draw_people(PLANNED, 0, generator)
    people = draw_people(count, PLANNED, generator)
    after = draw_people(1, PLANNED + count, generator)
    policy = ("--sensitivity", str(sensitivity), "--by-group")
    with trial(progress, gateway="image_guard = false", tables=EXACT) as service:
        bundle = write_bundle(service.directory / "bundle")
        register(service.database, bundle)
        if films_before:
            send(service.service.dicom_port, before)
            site.wait_for_screenings(service.database, PLANNED)
        else:
            site.write_history(service.database, bundle.digest, before)
        site.run(service, "study", "start", "programme", "--prevalence", str(PREVALENCE), "--shares", shares)
        films_s = _screen(service, people, progress)
        stored = site.read_by_rest(service, people[:reads])
        drawn = site.list_drawn(service)
        found = site.write_results(service, people, drawn)
        analysis = json.loads(site.run(service, "study", "analyse", *policy, *PRICES, "--json"))
        site.run(service, "study", "close", *policy, "--reason", "all results are in")
        site.run(service, "calibrate", "activate", "1", "--reason", "by the study")
        signed = json.loads(site.run(service, "calibrate", "show", "1", "--json"))
        send(service.service.dicom_port, after)
        site.wait_for_screenings(service.database, PLANNED + count + 1)
        newest, furthest = _read_screenings(service, people)
    books = [Entry(person, person.patient_id in drawn, person.patient_id in found) for person in people]
    cell = next(
        cell
        for cell in analysis["table"]["cells"]
        if cell["sex"] == after[0].sex and cell["first"] <= after[0].age <= cell["last"]
    )
    points = {point["name"]: point["threshold"] for point in signed["record"]["operating_points"]}
    chosen = analysis["recommended"]["threshold"]
    truth = find_truth(people, lambda person: person.level >= find_level(THRESHOLD))
    estimated = {name: analysis["current"][name] for name in truth}
    covered = [
        found["low"] <= truth[name] <= found["high"] for name, found in estimated.items() if found is not None
    ]
    differences = compare(analysis, books)
    checks = {
        "every figure as in the books": not differences,
        "scores as known": furthest < 1e-5,
        "all reads stored": stored == min(reads, count),
        "signed threshold is the recommended": points["screening"] == chosen,
        "new film judged by the threshold of its cell": newest.threshold == cell["threshold"]
        and newest.operating_point.startswith("local_"),
        "intervals hold the truth": bool(covered) and all(covered),
    }
    return {
        "people": analysis["people"],
        "drawn": len(drawn),
        "results": len(found),
        "reads": stored,
        "figures": count_figures(analysis, books),
        "differences": differences,
        "threshold": chosen,
        "true_at_chosen": find_truth(people, lambda person: person.level >= find_level(chosen)),
        "estimated": estimated,
        "true": truth,
        "cells": [
            f"{cell['sex']} {cell['first']}: {cell['threshold']:.4f} ({cell['chosen_on']})"
            for cell in analysis["table"]["cells"]
        ],
        "new_film_by": newest.operating_point,
        "films_a_second": round(count / films_s, 2),
        "checks": checks,
        "good": all(checks.values()),
    }


def _screen(service: Trial, people: list[Person], progress: Callable[[str], None]) -> float:
    """Send the films of the study's people and wait for their screenings; returns seconds."""
    began = time.monotonic()
    for first in range(0, len(people), AT_ONCE):
        some = people[first : first + AT_ONCE]
        send(service.service.dicom_port, some)
        site.wait_for_screenings(service.database, PLANNED + first + len(some))
        done = first + len(some)
        rate = done / (time.monotonic() - began)
        left = (len(people) - done) / rate
        progress(f"{done} of {len(people)} people are screened, {rate:.1f} a second, {left:.0f} s left")
    return time.monotonic() - began


def _read_screenings(service: Trial, people: list[Person]) -> tuple[Screening, float]:
    """Return the newest screening, and by how much a score differs at most from the known one."""
    known = {person.patient_id: person.score for person in people}
    with service.database.read() as session:
        rows = session.execute(
            select(Study.patient_id, Screening.score)
            .join(Instance, Instance.study_id == Study.id)
            .join(Screening, Screening.instance_id == Instance.id)
        ).all()
        newest = session.scalars(select(Screening).order_by(Screening.id.desc()).limit(1)).one()
        session.expunge(newest)
    furthest = max(abs(row.score - known[row.patient_id]) for row in rows if row.patient_id in known)
    return newest, furthest
