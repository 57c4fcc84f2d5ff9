"""The algorithm behind a result, as equipment that contributed to its objects (PS3.3 C.12.1.1.5)."""

from __future__ import annotations

from typing import Final

from highdicom import ContributingEquipment
from pydicom.sr.codedict import codes

from dicom_gateway.identifiers import derive_uid
from dicom_gateway.results.report_wording import MANUFACTURER

LONGEST: Final = 64
"""Characters of a Long String (PS3.5 6.2); longer names are cut here, and whole in the content of an SR."""


def derive_algorithm_uid(bundle_digest: str) -> str:
    """Return the Device UID (0018,1002) of a bundle: another one for other weights or thresholds."""
    return derive_uid("algorithm", bundle_digest)


def shorten(text: str) -> str:
    """Return a name as one Long String."""
    return text.replace("\\", "/")[:LONGEST].strip()


def describe_algorithm(model: str, version: str, uid: str) -> ContributingEquipment:
    """Return the item of Contributing Equipment Sequence (0018,A001) for a model.

    Args:
        model: name of the model.
        version: its version.
        uid: Device UID of its bundle.
    """
    equipment = ContributingEquipment(
        manufacturer=MANUFACTURER,
        purpose_of_reference=codes.DCM.ProcessingEquipment,  # CID 7005 has none for algorithms
        manufacturer_model_name=shorten(model),
        software_versions=shorten(version) or None,
        contribution_description="Algorithm that scored the image",
    )
    equipment.DeviceUID = uid
    return equipment
