"""Requirements of the IHE profile AI Results (AIR), a supplement of the Radiology Technical Framework.

Results are findings, measurements, regions and others; a creator encodes the kinds that it has.
"""

from __future__ import annotations

from typing import Final

from pydicom.uid import (
    GrayscaleSoftcopyPresentationStateStorage,
    ParametricMapStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from dicom_gateway.conformance import capabilities
from dicom_gateway.conformance.capabilities import sends
from dicom_gateway.conformance.requirements import COMMITTED, STORED, Actor, Requirement

AIR: Final = Actor(
    "AI Results (AIR)",
    "Evidence Creator",
    "Rev. 1.3, 2025-08-08, Trial Implementation",
    (
        STORED,
        Requirement(
            "[RAD-108] Store Instances Over the Web",
            "results are stored by STOW-RS",
            capabilities.stores_by_web,
            'peers with `protocol = "dicomweb"`; storage commitment is not offered for them',
            "no STOW-RS",
            optional=True,
        ),
        COMMITTED,
        Requirement(
            "RAD TF-3: 6.5.3.1, General Result Encoding Requirements",
            "results are in the study of the analysed images, with its patient and study attributes",
            capabilities.is_in_study_of_film,
            "patient and study attributes are copied unchanged; series 9001 to 9004 are our own",
            "another study",
        ),
        Requirement(
            "RAD TF-3: 6.5.3.1, General Result Encoding Requirements",
            "Contributing Equipment Sequence (0018,A001) describes each algorithm: purpose Processing "
            "Algorithm, Manufacturer, Model Name, Software Versions, and a Device UID of the model",
            capabilities.lists_algorithm_as_equipment,
            "SR, picture and presentation state name the model, with a Device UID that derives from the "
            "bundle; the purpose is Processing Equipment (109102, DCM), as CID 7005 has none for algorithms",
            "the algorithm is in the content of the SR alone (TID 4019)",
        ),
        Requirement(
            "RAD TF-3: 6.5.3, Qualitative Findings",
            "Comprehensive 3D SR with TID 1500 as root template",
            capabilities.is_measurement_report,
            "the default of `courier.sr_sop_class`",
            'with `courier.sr_sop_class = "comprehensive"` the SR is a Comprehensive SR',
        ),
        Requirement(
            "RAD TF-3: 6.5.3, Qualitative Findings",
            "Procedure Reported (121058, DCM) is the imaging procedure, not the algorithm",
            capabilities.names_procedure,
            "(30745-4, LN), or the film's own code (`courier.procedure_reported`)",
            "absent",
        ),
        Requirement(
            "RAD TF-3: 6.5.3, Qualitative Findings",
            "findings are coded",
            capabilities.states_finding,
            "Present, Absent or Undetermined (CID 240) of one concept: (TBCXR, 99TBSCREEN), or SCT 154283005 "
            'with `courier.finding_code = "snomed"`. TBCXR is private: SCT 154283005 names the disease',
            "no code",
        ),
        Requirement(
            "RAD TF-3: 6.5.3, Measurements",
            "numbers are measurements of TID 1500 with units of UCUM",
            capabilities.measures_in_units,
            "certainty and threshold of the film, and peak heat of each region (a private code), in percent",
            "a number without unit",
        ),
        Requirement(
            "RAD TF-3: 6.5.3, Locations",
            "a point is the place of a finding",
            capabilities.has_no_point,
            "no finding has a point as its place",
            "the point 0\\0 is no place of a finding: certainty is inferred from it, for OHIF "
            "([why](viewers.md#the-sr-and-why-it-is-built-so))",
        ),
        Requirement(
            "RAD TF-3: 6.5.3, Regions",
            "a region is a planar region of TID 1410 or a segment",
            capabilities.outlines_regions,
            "at most four closed POLYLINE (SCOORD) in TID 1410, where the finding is present. The outline in "
            "the film's group is the analysed field, from which the threshold is inferred",
            "no regions",
        ),
        Requirement(
            "RAD TF-3: 6.5.3, Tracking Identifiers",
            "each finding and region has a Tracking Identifier and a Tracking Unique Identifier",
            capabilities.tracks_all_groups,
            "in each group; a corrected film is another result with other identifiers",
            "a group without them",
        ),
        Requirement(
            "RAD TF-3: 6.5.3, Image References",
            "the analysed images are referenced",
            capabilities.refers_to_film,
            "as source of the finding, in the Image Library, and in every region. No Key Object Selection",
            "no reference",
        ),
        Requirement(
            "RAD TF-3: 6.5.3, segments",
            "Segmentation",
            sends(SegmentationStorage),
            "regions are outlines",
            "no Segmentation",
            optional=True,
        ),
        Requirement(
            "RAD TF-3: 6.5.3, Parametric Maps",
            "Parametric Map",
            sends(ParametricMapStorage),
            "the heat map is a picture over the film (Secondary Capture)",
            "no Parametric Map: heat has no machine-readable object",
            optional=True,
        ),
        Requirement(
            "RAD TF-1: 49, scope",
            "Secondary Captures and presentation states are outside the profile, as a fallback beside it",
            sends(SecondaryCaptureImageStorage, GrayscaleSoftcopyPresentationStateStorage),
            "`sc` and `gsps`, beside the SR, which holds finding, numbers and outlines, too",
            "no fallback",
            optional=True,
        ),
    ),
)
"""The creator of results that an archive keeps."""
