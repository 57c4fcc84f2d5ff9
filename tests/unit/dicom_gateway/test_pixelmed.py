"""PixelMed's validator says nothing of our SRs that is not explained here and in docs/dicom/delivery.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicom_gateway.results.refusal_report import build_refusal
from dicom_gateway.settings import CourierSettings
from tests.integration.viewers.drawn_study import draw_study
from tests.servers.pixelmed import find_remarks
from tests.unit.reportable import make_refusal

CODE = '(30745-4,LN,"XR Chest Views")'
NOT_IN_GROUP = f'Error: (121058,DCM,"Procedure reported"): Code {CODE} not found in context group 100'
"""CID 100 is a baseline group of TID 1500, which allows other codes; it has no code of a chest radiograph."""

EXTENSIONS = {
    '122405,DCM,"Algorithm Manufacturer"',  # TID 4019 has it; PixelMed's copy is older
    'TBCXR,99TBSCREEN,"Radiographic features suggestive of pulmonary tuberculosis"',
    '121106,DCM,"Comment"',
    '48767-8,LN,"Annotation comment"',
    '111065,DCM,"Summary of Analyses"',
    'TBREFUSAL,99TBSCREEN,"Reason for not analysing"',
}
"""Items that TID 1501, an extensible template (PS3.16 6.2.5), may have beside its own."""


@pytest.mark.parametrize("kind", ["result", "refusal"])
def test_pixelmed_says_nothing_but_what_is_explained(kind: str, tmp_path: Path) -> None:
    study = draw_study(tmp_path)
    report = tmp_path / "report.dcm"
    if kind == "result":
        report.write_bytes(study.build_sr())
    else:
        report.write_bytes(build_refusal(make_refusal(study.film), CourierSettings(), "9.9").part10)

    said = find_remarks(report)

    assert NOT_IN_GROUP in said
    explained = {f"Warning: ({item}): Content Item not in template" for item in EXTENSIONS}
    assert said - {NOT_IN_GROUP} <= explained
