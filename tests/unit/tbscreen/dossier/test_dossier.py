"""`tbscreen dossier`: one PDF and one folder, from what is there, current and without patient data."""

from __future__ import annotations

import csv
import hashlib
import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions, version
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion

from db.database import Database
from db.models import bundles, site_thresholds
from db.models.site_thresholds import NAME
from db.worklist.studies import StudyHeader
from domain.errors import PermanentError
from reports.calibration_study.site_threshold import STUDY
from tbscreen.dossier.bill_of_materials import read_licence
from tbscreen.dossier.documents import CHECKOUT, DOCUMENTS
from tbscreen.dossier.dossier_folder import gather
from tbscreen.dossier.dossier_page import compose_dossier, read_part
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tests.unit import rows
from tests.unit.reports.calibration_study.test_analysis import judge, make_people
from tests.unit.tbscreen.conftest import Cli, assert_one_line

NAMES = {
    "dossier.pdf", "contents.csv", "model-card.md", "evaluation.html", "conformance-statement.md",
    "sbom.cdx.json", "bundled-libraries.cdx.json", "threat-model.md", "models.md", "statistics.md",
    "targets.md", "chaos.md", "robustness.md", "benchmarks.md", "changes.md",
}  # fmt: skip
"""Files of the dossier of a site without a study."""


def test_a_dossier_is_written_from_the_installation(quick_cli: Cli, installed: Database, place: Path) -> None:
    rows.receive(installed, study=StudyHeader("1.2.777", "ACC777", "P777", patient_name="Doe^Jane"))
    made = quick_cli("dossier", "out")
    assert made.returncode == 0, made.stderr
    files = {path.name: path.read_bytes() for path in (place / "out").iterdir()}
    assert files["dossier.pdf"].startswith(b"%PDF-1.4")
    with (place / "out" / "contents.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["file"]: row["sha256"] for row in csv.DictReader(file)}
    assert listed == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != "contents.csv"
    }
    assert files["model-card.md"] == (DEFAULT_BUNDLE / "model_card.md").read_bytes()
    assert files["evaluation.html"] == (DEFAULT_BUNDLE / "report.html").read_bytes()
    assert set(files) == NAMES
    for document in DOCUMENTS:
        assert files[document.name] == (CHECKOUT / document.source).read_bytes(), document.name
    assert b"TBSCREEN" in files["conformance-statement.md"]
    assert not any(
        trace in content for content in files.values() for trace in (b"P777", b"Doe^Jane", b"1.2.777")
    )
    assert_one_line(quick_cli("dossier", "out"), "out is there already")
    check_bill(files["sbom.cdx.json"].decode())


def check_bill(text: str) -> None:
    bill = json.loads(text)
    parts = {part["name"]: part for part in bill["components"]}
    installed = {dist.metadata["Name"].lower().replace("_", "-") for dist in distributions()} - {"tbscreen"}
    assert set(parts) == installed
    assert parts["pydicom"]["version"] == version("pydicom")
    assert parts["pydicom"]["purl"] == f"pkg:pypi/pydicom@{version('pydicom')}"
    assert parts["sqlalchemy"]["licenses"]
    assert bill["metadata"]["component"]["name"] == "tbscreen"
    assert bill["specVersion"] == SchemaVersion.V1_6.to_version()


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (
            "License-Expression: MIT OR Apache-2.0\nClassifier: License :: OSI Approved :: MIT License",
            "MIT OR Apache-2.0",
        ),
        ("Classifier: License :: OSI Approved :: MIT License", "MIT"),
        ("License: mit", "MIT"),
        ("License: BSD-3-Clause\nClassifier: License :: OSI Approved :: BSD License", "BSD-3-Clause"),
        ("Classifier: License :: OSI Approved :: BSD License", "BSD License"),
        ("License: UNKNOWN", ""),
    ],
)
def test_a_licence_is_named_by_its_spdx_identifier_where_it_is_known(
    tmp_path: Path, lines: str, licence: str
) -> None:
    (tmp_path / "METADATA").write_text(f"Metadata-Version: 2.1\nName: a\nVersion: 1\n{lines}\n", "utf-8")
    assert read_licence(Distribution.at(tmp_path)) == licence


def test_the_pdf_says_use_accuracy_study_software_threats_and_history(installed: Database) -> None:
    with installed.read() as session:
        installation, card, _ = gather(session, installed, "North clinic")
    threats = (CHECKOUT / "docs/administrator/security.md").read_text("utf-8")
    page = compose_dossier(
        installation, card, {"a": "MIT", "b": "MIT", "c": ""}, threats, [], datetime.now(UTC)
    )
    said = {section.key: " ".join(section.paragraphs) for section in page.sections}
    assert "Not for children" in said["use"]
    assert "Research, and triage" in said["use"]
    assert "averaged over hospitals that the scoring network never saw" in said["before"]
    assert "The accuracy at this site is not known" in said["no-study"]
    (licences,) = next(section.tables for section in page.sections if section.key == "software")
    assert licences.rows == [("MIT", "2"), ("not stated", "1")]
    assert 100 < int(said["threats"].split()[2]) < len(threats.splitlines())
    (history,) = next(section.tables for section in page.sections if section.key == "history")
    assert installation.digest[:12] in history.rows[0][1]


def test_the_study_of_another_bundle_is_not_that_of_the_active_one(installed: Database) -> None:
    record = {
        "operating_points": [{"name": NAME, "threshold": 0.7}],
        STUDY: judge(make_people()).model_dump(mode="json"),
    }
    rows.register_model(installed, active=False)
    with installed.write() as session:
        active = bundles.find_active(session)
        assert active is not None
        for digest in (rows.DIGEST, active.digest):
            kept = site_thresholds.keep(session, digest, "me@here", record, lambda _: "0" * 64)
            if digest == rows.DIGEST:
                site_thresholds.switch_to(session, kept.calibration_id, "me@here")
                before = gather(session, installed, "")[0]
        after = gather(session, installed, "")[0]
    assert (before.threshold, list(before.studies), list(before.changes)) == (None, [], [])
    assert (after.threshold, [study.name for study in after.studies]) == (None, ["north"])


@pytest.mark.parametrize(
    ("metrics", "words"), [({"left_out": {}}, "left-out hospitals"), ({}, "films that its")]
)
def test_a_threshold_is_said_to_come_from_left_out_hospitals_only_where_it_does(
    installed: Database, metrics: dict[str, object], words: str
) -> None:
    with installed.read() as session:
        installation, card, _ = gather(session, installed, "")
    manifest = installation.manifest.model_copy(update={"metrics": metrics})
    page = compose_dossier(replace(installation, manifest=manifest), card, {}, "", [], datetime.now(UTC))
    (facts,) = next(section.tables for section in page.sections if section.key == "installation")
    assert words in dict(facts.rows)["its origin"]  # type: ignore[arg-type]


def test_a_card_without_its_parts_is_refused() -> None:
    with pytest.raises(PermanentError, match="no part 'Intended use'"):
        read_part("# Model card", "Intended use")


def test_the_wheel_installs_the_documents_of_a_dossier() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    packed = project["tool"]["setuptools"]["data-files"]["share/doc/tbscreen"]
    assert sorted(packed) == sorted(document.source for document in DOCUMENTS)
