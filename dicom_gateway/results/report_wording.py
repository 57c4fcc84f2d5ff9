"""The texts that all objects of tbscreen share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from db.delivery.outbox import ReportableScreening
from dicom_gateway.results.source_header import list_uid_faults
from domain.codes import Observation
from domain.notices import NOT_VERIFIED

MANUFACTURER: Final = "tbscreen"
MODEL_NAME: Final = "tbscreen"
FROM_PIXELS: Final = {
    Observation.BODY_PART_FROM_PIXELS: "body part",
    Observation.VIEW_FROM_PIXELS: "view",
}
CHANGED: Final = {
    Observation.TURNED_90: "The picture was turned by 90 degrees counter-clockwise before it was scored.",
    Observation.TURNED_180: "The picture was turned by 180 degrees before it was scored.",
    Observation.TURNED_270: "The picture was turned by 90 degrees clockwise before it was scored.",
    Observation.INVERTED: "The grey values of the picture were inverted before it was scored.",
}
NOT_A_DEVICE: Final = "Research software, not a medical device."


def explain(screening: ReportableScreening) -> str:
    """Return the notices and remarks that accompany a report's numbers."""
    return " ".join([f"{NOT_VERIFIED}.", NOT_A_DEVICE, *list_remarks(screening)])


def list_remarks(screening: ReportableScreening) -> list[str]:
    """Return the limitations of a result, as sentences."""
    manifest = screening.manifest
    sentences = []
    if not manifest["trained"]:
        sentences.append("Untrained model: its score means nothing.")
    prevalence = manifest["calibration"].get("prevalence")
    if prevalence is None:
        sentences.append("The score is not calibrated.")
    else:
        sentences.append(f"The percentage is calibrated for a prevalence of {prevalence:.1%}.")
    if screening.doubts:
        sentences.append("Could not be verified: " + ", ".join(screening.doubts).replace("_", " ") + ".")
    sentences.extend(describe_observations(screening.observations or ()))
    if screening.revision > 1:
        sentences.append("Supersedes the report of an earlier version of this image.")
    elif screening.predecessor is not None:
        sentences.append("This image could not be analysed before.")
    return [*sentences, *list_uid_faults(screening.header)]


def describe_observations(observations: Sequence[str]) -> list[str]:
    """Return what was judged from the pixels, as sentences."""
    known = [Observation(value) for value in observations]
    seen = [FROM_PIXELS[observation] for observation in known if observation in FROM_PIXELS]
    sentences = [f"Judged from the picture, not from the header: {', '.join(seen)}."] if seen else []
    return sentences + [CHANGED[observation] for observation in known if observation in CHANGED]


def describe_series(screening: ReportableScreening) -> str:
    """Return the Series Description (0008,103E) of a screening's objects."""
    return NOT_VERIFIED if screening.manifest["trained"] else f"{NOT_VERIFIED} (untrained model)"
