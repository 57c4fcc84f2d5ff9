"""The outlines of a result in the pixels of its film, the same for all objects."""

from __future__ import annotations

from dataclasses import dataclass

from db.delivery.outbox import ReportableScreening
from db.films.screenings import Heat
from dicom_gateway.results.source_header import read_source
from domain.codes import Finding
from domain.regions import Outline, Region, find_regions, outline_field


@dataclass(frozen=True, eq=False)
class FindingOutlines:
    """The outlines of one result."""

    regions: tuple[Region, ...] = ()
    """None where the finding is not present, or the heat is low."""
    field: Outline | None = None
    """The analysed field; None where the header lacks the film's size."""


def trace_outlines(screening: ReportableScreening, heat: Heat | None) -> FindingOutlines:
    """Return the outlines of a result. Without a heat map, the analysed field is the whole film."""
    source = read_source(screening.header, ("Rows", "Columns"))
    rows, columns = source.get("Rows"), source.get("Columns")
    if not isinstance(rows, int) or not isinstance(columns, int) or rows < 1 or columns < 1:
        return FindingOutlines()
    return FindingOutlines(
        regions=find_regions(Finding(screening.finding), heat, rows, columns),
        field=outline_field(0.0 if heat is None else heat.margin, rows, columns),
    )
