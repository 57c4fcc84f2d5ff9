"""The texts that all objects of tbscreen share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from db.delivery.outbox import ReportableScreening
from dicom_gateway.results.source_header import list_uid_faults
from domain.bundle.tb_score import MEANING, TOP, rate
from domain.codes import Finding, Observation
from domain.languages.sentence import Sentence, join, say, say_value
from domain.notices import NOT_VERIFIED

MANUFACTURER: Final = "tbscreen"
MODEL_NAME: Final = "tbscreen"
FROM_PIXELS: Final = {
    Observation.BODY_PART_FROM_PIXELS: say("body part"),
    Observation.VIEW_FROM_PIXELS: say("view"),
}
CHANGED: Final = {
    Observation.TURNED_90: say(
        "The picture was turned by 90 degrees counter-clockwise before it was scored."
    ),
    Observation.TURNED_180: say("The picture was turned by 180 degrees before it was scored."),
    Observation.TURNED_270: say("The picture was turned by 90 degrees clockwise before it was scored."),
    Observation.INVERTED: say("The grey values of the picture were inverted before it was scored."),
}
HEADLINES: Final = {
    Finding.PRESENT: say("Features suggestive of pulmonary TB: PRESENT"),
    Finding.ABSENT: say("Features suggestive of pulmonary TB: ABSENT"),
    Finding.UNDETERMINED: say("Features suggestive of pulmonary TB: UNDETERMINED"),
}
NOT_A_DEVICE: Final = say("Research software, not a medical device.")


def explain(screening: ReportableScreening) -> str:
    """Return the score for people, the notices and the remarks that accompany a report's coded numbers."""
    return " ".join(
        [
            f"{NOT_VERIFIED}.",
            NOT_A_DEVICE,
            *describe_tb_score(screening),
            describe_percentages(screening),
            *list_remarks(screening),
        ]
    )


def find_tb_score(screening: ReportableScreening) -> int | None:
    """Return the TB score of a result, 0..100; None for an untrained model."""
    return rate(screening.score, screening.threshold, screening.manifest)


def describe_tb_score(screening: ReportableScreening) -> list[Sentence]:
    """Return the TB score and its meaning, as sentences; none for an untrained model."""
    tb_score = find_tb_score(screening)
    if tb_score is None:
        return []
    return [say("TB score {tb_score} of {top}.", tb_score=tb_score, top=TOP), say(MEANING)]


def describe_percentages(screening: ReportableScreening) -> str:
    """Return the meaning of an SR's coded numbers, as a sentence."""
    prevalence = screening.manifest["calibration"].get("prevalence")
    if prevalence is None:
        return "Certainty of Finding and Threshold Value are percentages that are not calibrated."
    return (
        "Certainty of Finding and Threshold Value are calibrated percentages, for a prevalence of "
        f"{prevalence:.1%}."
    )


def list_lines(screening: ReportableScreening) -> list[str]:
    """Return the result in three short lines, for viewers that write them on the film."""
    manifest, score = screening.manifest, describe_tb_score(screening)[:1]
    return [
        ". ".join([NOT_VERIFIED, *score]),
        HEADLINES[Finding(screening.finding)],
        f"Model {manifest['name']} {manifest['version']}; frame = analysed field",
    ]


def list_remarks(screening: ReportableScreening) -> list[str]:
    """Return the limitations of a result, as sentences."""
    sentences: list[str] = []
    if not screening.manifest["trained"]:
        sentences.append(say("Untrained model: its score means nothing."))
    if screening.doubts:
        sentences.append(
            say(
                "Could not be verified: {doubts}.",
                doubts=join([say_value(doubt) for doubt in screening.doubts]),
            )
        )
    sentences.extend(describe_observations(screening.observations or ()))
    if screening.revision > 1:
        sentences.append(say("Supersedes the report of an earlier version of this image."))
    elif screening.predecessor is not None:
        sentences.append(say("This image could not be analysed before."))
    return [*sentences, *list_uid_faults(screening.header)]


def describe_observations(observations: Sequence[str]) -> list[str]:
    """Return what was judged from the pixels, as sentences."""
    known = [Observation(value) for value in observations]
    seen = [FROM_PIXELS[observation] for observation in known if observation in FROM_PIXELS]
    told = say("Judged from the picture, not from the header: {properties}.", properties=join(seen))
    sentences: list[str] = [told] if seen else []
    return sentences + [CHANGED[observation] for observation in known if observation in CHANGED]


def describe_series(screening: ReportableScreening) -> str:
    """Return the Series Description (0008,103E) of a screening's objects."""
    return NOT_VERIFIED if screening.manifest["trained"] else f"{NOT_VERIFIED} (untrained model)"
