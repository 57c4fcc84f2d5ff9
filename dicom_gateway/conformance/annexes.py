"""The annexes: attributes of sent objects, private attributes, codes, the list of storage SOP classes."""

from __future__ import annotations

from pydicom.uid import UID

from dicom_gateway.association.storage_sop_classes import STORAGE_SOP_CLASSES
from dicom_gateway.conformance import services
from dicom_gateway.conformance.markdown import write_table
from dicom_gateway.conformance.object_attributes import list_attributes, list_content
from dicom_gateway.conformance.sample import build_samples
from dicom_gateway.query.worklist_attributes import PRIVATE, PRIVATE_CREATOR
from dicom_gateway.results.refusal_report import REASONS
from dicom_gateway.settings import CourierSettings

WORDS = {
    "result": "Structured Report of a result",
    "refusal": "Structured Report that says why a film was not analysed",
    "state": "Grayscale Softcopy Presentation State: outline and text over the film",
    "picture": "Secondary Capture: the film, the heat map over it, the result",
}


def write_objects(courier: CourierSettings, software_version: str) -> str:
    """Return annex 8.1."""
    samples = build_samples(courier, software_version)
    parts = [
        """\
## 8 Annexes

### 8.1 Attributes of created SOP instances

Read from objects that were built for this document. UIDs are UUID-derived (PS3.5 B.2) from the film, the
model, the kind of object and the version of its content: the same result is the same instance. What is
not named is absent, pixel data apart."""
    ]
    for number, (kind, sent) in enumerate(samples.items(), start=1):
        attributes = [row for row in list_attributes(sent) if row[0] != "(7FE0,0010)"]
        name = UID(sent.SOPClassUID).name
        parts.append(f"#### 8.1.{number} {WORDS[kind]} ({name})")
        parts.append(write_table(("tag", "name", "VR", "value"), attributes))
        if "ContentSequence" in sent:
            code = sent.ConceptNameCodeSequence[0]
            concept = f'({code.CodeValue}, {code.CodingSchemeDesignator}, "{code.CodeMeaning}")'
            title = f"Content, TID 1500, below {concept}:"
            parts += [title, "\n".join(list_content(sent))]
    return "\n\n".join(parts)


def write_extensions() -> str:
    """Return annexes 8.2 to 8.4."""
    reasons = [(code.value, code.meaning, f"`{refusal.value}`") for refusal, code in REASONS.items()]
    private = [
        (f"(0077,xx{attribute.element:02X})", attribute.vr, attribute.keyword, attribute.matching.value)
        for attribute in PRIVATE
    ]
    classes = sorted(((services.name(uid), uid) for uid in STORAGE_SOP_CLASSES), key=lambda row: row[1])
    return f"""\
### 8.2 Private attributes

In answers to Study Root C-FIND and to Search (9.4) at level STUDY, and nowhere else; private creator
`{PRIVATE_CREATOR}`.

{write_table(("tag", "VR", "name", "matching"), private)}

### 8.3 Coded terminology, extensions, specializations, privatizations

Private codes, coding scheme designator 99TBSCREEN: (TBCXR, 99TBSCREEN, "Radiographic features suggestive
of pulmonary tuberculosis") where `courier.finding_code` is not `snomed`; (TBREFUSAL, 99TBSCREEN, "Reason
for not analysing") with one of

{write_table(("code value", "code meaning", "refusal"), reasons)}

No standard extended, specialized or private SOP classes; no private transfer syntaxes. No Grayscale
Standard Display Function: nothing is displayed by DICOM's means.

### 8.4 Storage SOP classes accepted

{write_table(("SOP class", "UID"), classes)}"""
