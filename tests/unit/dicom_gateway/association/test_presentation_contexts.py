"""Every negotiated presentation context is served."""

from __future__ import annotations

from pynetdicom.service_class import ServiceClass
from pynetdicom.sop_class import uid_to_service_class

from dicom_gateway.association.storage_sop_classes import STORAGE_SOP_CLASSES


def test_pynetdicom_has_a_service_for_every_class_that_is_accepted() -> None:
    # An association on which a class without one is used would be aborted.
    assert [uid for uid in STORAGE_SOP_CLASSES if uid_to_service_class(uid) is ServiceClass] == []
    assert "1.2.840.10008.5.1.4.1.1.6" in STORAGE_SOP_CLASSES  # Ultrasound, retired, still in archives
