"""The outlines of a result in its SR: a TID 1410 group for each region, and the field that the score is of.

Viewers draw what has spatial coordinates, and write the numbers and comments of its group beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from highdicom import sr

from dicom_gateway.identifiers import derive_uid
from dicom_gateway.results.sr_document import PERCENT, PRIVATE_SCHEME, DocumentFacts
from domain.regions import Outline, Region

PEAK_HEAT: Final = sr.CodedConcept("TBPEAKHEAT", PRIVATE_SCHEME, "Peak heat")
"""Highest heat of the network's map inside a region."""


def describe_anchor(facts: DocumentFacts) -> sr.CoordinatesForMeasurement:
    """Return the film's first corner, where viewers write what they write beside a measurement (TID 320).

    OHIF writes to the right of the first graphic of a group; to the right of the field there is no room.
    """
    return sr.CoordinatesForMeasurement(
        graphic_type=sr.GraphicTypeValues.POINT,
        graphic_data=np.zeros((1, 2)),
        source_image=_refer_to_film(facts),
    )


def describe_field(field: Outline, facts: DocumentFacts) -> sr.CoordinatesForMeasurement:
    """Return the analysed field as the coordinates that a measurement is inferred from (TID 320)."""
    return sr.CoordinatesForMeasurement(
        graphic_type=sr.GraphicTypeValues.POLYLINE,
        graphic_data=field,
        source_image=_refer_to_film(facts),
    )


def describe_regions(
    regions: Sequence[Region], facts: DocumentFacts
) -> list[sr.PlanarROIMeasurementsAndQualitativeEvaluations]:
    """Return a group (TID 1410) for each region, with what holds of it alone: its peak heat."""
    return [
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(
                uid=derive_uid(*facts.identity, "region", str(number)), identifier=f"Region {number}"
            ),
            referenced_region=sr.ImageRegion(
                graphic_type=sr.GraphicTypeValues.POLYLINE,
                graphic_data=region.outline,
                source_image=_refer_to_film(facts),
            ),
            measurements=[sr.Measurement(name=PEAK_HEAT, value=round(region.peak * 100), unit=PERCENT)],
        )
        for number, region in enumerate(regions, start=1)
    ]


def _refer_to_film(facts: DocumentFacts) -> sr.SourceImageForRegion:
    return sr.SourceImageForRegion(facts.sop_class_uid, facts.sop_instance_uid)
