"""SRs from prepared documents: the same bytes as highdicom's, or highdicom's."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from db.delivery.outbox import ReportableScreening
from db.delivery.report_objects import BuiltReport
from db.films.screenings import Heat
from dicom_gateway.results import encoded_template, prepared_report
from dicom_gateway.results.encoded_template import EncodedTemplate, TemplateError
from dicom_gateway.results.report_content import ReportContent
from dicom_gateway.results.structured_report import build_document, describe_report
from dicom_gateway.settings import CourierSettings
from tests.golden.synthetic import write_film
from tests.unit.reportable import build_both_ways, make_screening

DRAWS = 30
NAMES = (
    (None, "Doe^Jane"),
    ("ISO_IR 100", "Müller^Jörg"),
    ("ISO_IR 192", "山田^太郎=ヤマダ"),
    ("GB18030", "王^小东"),
    (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
    ("ISO_IR 100", "山田^太郎"),
)


@pytest.fixture(scope="module")
def screening(tmp_path_factory: pytest.TempPathFactory) -> ReportableScreening:
    folder = tmp_path_factory.mktemp("film")
    return make_screening(write_film(folder / "film.dcm", np.zeros((300, 240), np.uint16)))


@pytest.mark.filterwarnings("ignore:Failed to encode value:UserWarning")
def test_drawn_results_have_the_bytes_of_highdicom(screening: ReportableScreening) -> None:
    draw, filled = random.Random(17), 0
    for _ in range(DRAWS):
        drawn, heat, settings = _draw_screening(draw, screening), _draw_heat(draw), _draw_settings(draw)
        build_both_ways(drawn, heat, settings)
        filled += _fill(describe_report(drawn, heat, settings), settings) is not None
    assert filled == DRAWS, "a prepared document covers each of them"


@pytest.mark.parametrize(
    "change",
    [
        {"manifest": {"name": "Röntgen"}},
        {"manifest": {"version": ""}},
        {"sop_instance_uid": "1.2.3"},
        {"sop_class_uid": "1.2.840.10008.5.1.4.1.1.1.1"},
    ],
    ids=str,
)
def test_what_no_prepared_document_covers_is_left_to_highdicom(
    change: dict[str, Any], screening: ReportableScreening
) -> None:
    manifest = screening.manifest | change.get("manifest", {})
    changed = replace(screening, **(change | {"manifest": manifest}))

    assert _fill(describe_report(changed, None, CourierSettings()), CourierSettings()) is None


def test_a_report_that_supersedes_another_is_left_to_highdicom(screening: ReportableScreening) -> None:
    earlier = build_both_ways(screening)

    second = replace(screening, revision=2, dataset_sha256="c" * 64, predecessor=earlier.part10)

    assert _fill(describe_report(second, None, CourierSettings()), CourierSettings()) is None
    build_both_ways(second)


def test_a_document_that_the_template_does_not_reproduce_is_left_to_highdicom(
    screening: ReportableScreening,
) -> None:
    def build_otherwise(content: ReportContent, settings: CourierSettings, version: str) -> BuiltReport:
        said = "sure" if content.certainty > 10 else "unsure"  # depends on a value and is none
        return build_document(replace(content, parameters=(*content.parameters, said)), settings, version)

    content = describe_report(screening, None, CourierSettings())

    assert prepared_report.fill_report(content, CourierSettings(), "9.9", build_otherwise) is None


def test_a_value_that_is_too_long_for_its_element_is_no_value() -> None:
    element = encoded_template.Element(0x0008103E, b"LO", b"AB")
    file = encoded_template.PREAMBLE + encoded_template.encode_element(element)
    template = EncodedTemplate(file, {(b"LO", "it"): b"AB"})

    with pytest.raises(TemplateError, match="too long"):
        template.fill({(b"LO", "it"): b"A" * 0x10000}, {})


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "preamble"),
        (encoded_template.PREAMBLE + bytes.fromhex("0800 6011 5351 0000 ffffffff"), "length"),
        (encoded_template.PREAMBLE + bytes.fromhex("0800 6000 4353 1000 4352"), "cut short"),
        (encoded_template.PREAMBLE, "lacks a marker"),
    ],
)
def test_a_file_of_another_kind_is_no_template(content: bytes, fault: str) -> None:
    with pytest.raises(TemplateError, match=fault):
        EncodedTemplate(content, {(b"LO", "it"): b"AB"})


def _fill(content: ReportContent, settings: CourierSettings) -> BuiltReport | None:
    return prepared_report.fill_report(content, settings, "9.9", build_document)


def _draw_screening(draw: random.Random, screening: ReportableScreening) -> ReportableScreening:
    charset, name = draw.choice(NAMES)
    header = dict(screening.header)
    header["00080005"] = {"vr": "CS", "Value": charset if isinstance(charset, list) else [charset]}
    if charset is None:
        del header["00080005"]
    header["00100010"] = {"vr": "PN", "Value": [{"Alphabetic": name}]}
    for tag, vr, values in (
        ("00080060", "CS", ["CR", "DX", "RG", "OT", "??"]),
        ("00280010", "US", [512, 3000, 0]),
        ("00280011", "US", [511, 65535]),
        ("00080201", "SH", ["+0530", "-0400", "nonsense"]),
        ("00100020", "LO", ["1", "A\\B", "x" * 200]),
        ("00080030", "TM", ["101112", "101112.123456", "noon"]),
        ("00080020", "DA", ["20240131", "2024-01-31"]),
        ("00101010", "AS", ["062Y", "62"]),
        ("0020000D", "UI", ["1.2.3.4.5", "no uid", "1.02.3"]),
        ("0020000E", "UI", ["1.2.3.4.6", "no uid"]),
        ("00081030", "LO", ["THORAX", "Röntgen"]),
    ):
        value = draw.choice([*values, None, "as it is"])
        if value is None:
            header.pop(tag, None)
        elif value != "as it is":
            header[tag] = {"vr": vr, "Value": [value]}
    if draw.random() < 0.3:
        code = {"00080100": "36554-4", "00080102": "LN", "00080104": "XR Chest Single view"}
        item = {tag: {"vr": "LO", "Value": [value]} for tag, value in code.items()}
        header["00081032"] = {"vr": "SQ", "Value": [item]}
        header["00100024"] = {"vr": "SQ", "Value": [item]}
    trained = draw.random() < 0.8
    manifest = screening.manifest | {
        "name": draw.choice(["default", "odd", " spaces ", "a\\b"]),
        "version": draw.choice(["1", "1.10.0"]),
        "trained": trained,
        "calibration": {"prevalence": draw.choice([None, 0.1])},
    }
    return replace(
        screening,
        header=header,
        manifest=manifest,
        finding=draw.choice(["present", "absent", "undetermined"]),
        score=draw.random(),
        probability=draw.choice([draw.random(), 0.0, 1.0, 0.5, 1e-9]),
        calibrated_threshold=draw.choice([draw.random(), 0.25]),
        operating_point=draw.choice(["screening", "rule_in"]),
        doubts=tuple(draw.sample(["age_unknown", "view_unknown"], draw.randrange(3))),
        observations=draw.choice([None, (), ("turned_180",), ("view_from_pixels", "inverted")]),
        dataset_sha256=f"{draw.getrandbits(256):064x}",
        finished_at=datetime(2024, 1, 1, tzinfo=UTC)
        + timedelta(microseconds=draw.choice([0, draw.randrange(10**15)])),
    )


def _draw_heat(draw: random.Random) -> Heat | None:
    if draw.random() < 0.2:
        return None
    cells = np.zeros((14, 14), np.uint8)
    for _ in range(draw.randrange(5)):
        row, column = draw.randrange(12), draw.randrange(12)
        cells[row : row + 2, column : column + 2] = draw.randrange(160, 256)
    return Heat(14, 14, draw.choice([0.0, 1 / 16]), cells.tobytes())


def _draw_settings(draw: random.Random) -> CourierSettings:
    return CourierSettings(
        sr_sop_class=draw.choice(["comprehensive", "comprehensive_3d"]),
        finding_code=draw.choice(["tbscreen", "snomed"]),
        procedure_reported=draw.choice(["site", "source"]),
        ae_title=draw.choice(["TBSCREEN", "OTHER"]),
    )
