"""Facts on which claims of IHE profiles rest: negotiated services, and the content of a sample report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage
from pynetdicom.sop_class import UnifiedProcedureStepPull  # type: ignore[attr-defined]

from dicom_gateway.association.presentation_contexts import STORAGE_COMMITMENT
from dicom_gateway.conformance import services
from dicom_gateway.conformance.sample import build_samples
from dicom_gateway.query.worklist_scp import UPS_QUERY
from dicom_gateway.settings import CourierSettings, GatewaySettings, PeerProtocol

ALGORITHM = ("111001", "DCM")
IMAGE_REGION = ("111030", "DCM")
MEASUREMENT_GROUP = ("125007", "DCM")
PROCEDURE_REPORTED = ("121058", "DCM")
TRACKING = (("112039", "DCM"), ("112040", "DCM"))
PRESENT = ("52101004", "SCT")


@dataclass(frozen=True)
class Capabilities:
    """The services of this version with a site's settings, and a report of a positive synthetic film."""

    sent: frozenset[str]
    """SOP classes that are sent (C-STORE, STOW-RS)."""
    called: frozenset[str]
    """SOP classes of all other services that are used as SCU."""
    provided: frozenset[str]
    """SOP classes that are provided as SCP."""
    report: Dataset


def find_capabilities(
    gateway: GatewaySettings, courier: CourierSettings, software_version: str
) -> Capabilities:
    """Return what is negotiated and sent with these settings."""
    accepted = services.list_accepted(gateway)
    offers = [*accepted, *services.list_commitment(), *services.list_pulled()]
    return Capabilities(
        sent=frozenset(offer.sop_class for offer in services.list_sent()),
        called=frozenset(offer.sop_class for offer in offers if offer.role == "SCU"),
        provided=frozenset(offer.sop_class for offer in accepted if offer.role == "SCP"),
        report=build_samples(courier, software_version)["result"],
    )


def sends(*sop_classes: str) -> Callable[[Capabilities], bool]:
    """Return a condition: all of these SOP classes are sent."""
    return lambda capabilities: capabilities.sent >= set(sop_classes)


def asks_for_commitment(capabilities: Capabilities) -> bool:
    """Return True if storage commitment is requested (PS3.4 J)."""
    return STORAGE_COMMITMENT in capabilities.called


def stores_by_web(_: Capabilities) -> bool:
    """Return True if a peer can get objects by STOW-RS (PS3.18 10.5)."""
    return "dicomweb" in set(PeerProtocol)


def claims_steps(capabilities: Capabilities) -> bool:
    """Return True if steps are taken from a worklist of Unified Procedure Steps (PS3.4 CC.2.1)."""
    return str(UnifiedProcedureStepPull) in capabilities.called


def answers_step_queries(capabilities: Capabilities) -> bool:
    """Return True if queries for Unified Procedure Steps are answered (PS3.4 CC.2.8)."""
    return UPS_QUERY in capabilities.provided


def is_measurement_report(capabilities: Capabilities) -> bool:
    """Return True for a Comprehensive 3D SR of TID 1500."""
    report = capabilities.report
    template = report.ContentTemplateSequence[0].TemplateIdentifier
    return bool(report.SOPClassUID == Comprehensive3DSRStorage and template == "1500")


def names_procedure(capabilities: Capabilities) -> bool:
    """Return True if the report names the procedure that was analysed."""
    return any(_name(item) == PROCEDURE_REPORTED for item in _list_items(capabilities.report))


def states_finding(capabilities: Capabilities) -> bool:
    """Return True if the finding is a coded qualitative evaluation."""
    groups = _list_groups(capabilities)
    return any(
        (code.CodeValue, code.CodingSchemeDesignator) == PRESENT
        for group in groups
        for item in group.ContentSequence
        for code in item.get("ConceptCodeSequence", ())
    )


def measures_in_units(capabilities: Capabilities) -> bool:
    """Return True if the groups hold measurements, and each has a unit of UCUM."""
    units = [
        item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodingSchemeDesignator
        for group in _list_groups(capabilities)
        for item in group.ContentSequence
        if item.get("MeasuredValueSequence")
    ]
    return bool(units) and set(units) == {"UCUM"}


def outlines_regions(capabilities: Capabilities) -> bool:
    """Return True if a group holds an image region."""
    return any(_name(item) == IMAGE_REGION for item in _list_items(capabilities.report))


def has_no_point(capabilities: Capabilities) -> bool:
    """Return True if no point is in the report that is not the place of a finding."""
    return not any(item.get("GraphicType") == "POINT" for item in _list_items(capabilities.report))


def tracks_all_groups(capabilities: Capabilities) -> bool:
    """Return True if each measurement group has a Tracking Identifier and a Tracking Unique Identifier."""
    groups = _list_groups(capabilities)
    return bool(groups) and all(
        {_name(item) for item in group.ContentSequence} >= {*TRACKING} for group in groups
    )


def refers_to_film(capabilities: Capabilities) -> bool:
    """Return True if the report refers to the film as an image."""
    return any(item.get("ValueType") == "IMAGE" for item in _list_items(capabilities.report))


def is_in_study_of_film(capabilities: Capabilities) -> bool:
    """Return True if the report is in the study, and of the patient, of the film that it refers to."""
    (evidence,) = capabilities.report.CurrentRequestedProcedureEvidenceSequence
    return bool(
        evidence.StudyInstanceUID == capabilities.report.StudyInstanceUID and capabilities.report.PatientID
    )


def identifies_algorithm(capabilities: Capabilities) -> bool:
    """Return True if the content names the algorithm (TID 4019)."""
    return any(_name(item) == ALGORITHM for item in _list_items(capabilities.report))


def lists_algorithm_as_equipment(capabilities: Capabilities) -> bool:
    """Return True if Contributing Equipment Sequence (0018,A001) has the algorithm, with a Device UID."""
    names = {item.TextValue for item in _list_items(capabilities.report) if _name(item) == ALGORITHM}
    contributors = capabilities.report.get("ContributingEquipmentSequence", ())
    return bool(names) and any(
        item.get("ManufacturerModelName") in names and item.get("DeviceUID") for item in contributors
    )


def _list_groups(capabilities: Capabilities) -> list[Dataset]:
    return [item for item in _list_items(capabilities.report) if _name(item) == MEASUREMENT_GROUP]


def _list_items(container: Dataset) -> Iterator[Dataset]:
    for item in container.get("ContentSequence", ()):
        yield item
        yield from _list_items(item)


def _name(item: Dataset) -> tuple[str, str] | None:
    for code in item.get("ConceptNameCodeSequence", ()):
        return code.get("CodeValue", ""), code.CodingSchemeDesignator
    return None
