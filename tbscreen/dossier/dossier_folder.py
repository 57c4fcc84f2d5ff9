"""The folder of a dossier: gathered from the installation, written whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import schema
from db.database import Database
from db.models import activations, bundles, site_thresholds
from db.tables import Instance
from domain.errors import PermanentError
from reports import html_form, pdf_form
from reports.calibration_study.analysis import StudyAnalysis
from reports.calibration_study.pages import compose_page as compose_study
from reports.calibration_study.site_threshold import STUDY
from tbscreen import __version__
from tbscreen.dossier.bill_of_materials import make_bill
from tbscreen.dossier.documents import DOCUMENTS, read_document
from tbscreen.dossier.dossier_page import FileEntry, Installation, compose_dossier
from tbscreen.models.bundle_lookup import find_active_manifest
from tbscreen.settings import Settings

CARD, EVALUATION, BILL, STATEMENT = (
    "model-card.md",
    "evaluation.html",
    "sbom.cdx.json",
    "conformance-statement.md",
)


def write_dossier(settings: Settings, database: Database, folder: Path, statement: str) -> list[Path]:
    """Write the dossier into a new folder, without patient data.

    Args:
        settings: of the installation.
        database: open, at this version's migration.
        folder: that is not there yet.
        statement: the DICOM Conformance Statement.

    Returns:
        The files.

    Raises:
        PermanentError: when the folder is there, no bundle is active, or it has no model card.
        OSError: when the disk does not take it.
    """
    if folder.exists():
        raise PermanentError(f"{folder} is there already; a dossier is written into a new folder")
    made_at = datetime.now(UTC)
    with database.read(frozen=True) as session:
        installation, card, evaluation = gather(session, database, settings.reports.organisation)
    bill, licences = make_bill(__version__)
    documents = {document: read_document(document) for document in DOCUMENTS}
    contents: list[tuple[str, str, bytes]] = [
        (CARD, "The model: intended use, operating points, figures by source and group", card.encode()),
        *([] if evaluation is None else [(EVALUATION, "The evaluation of the model", evaluation)]),
        *_render_studies(installation, made_at),
        (STATEMENT, "DICOM Conformance Statement with these settings", statement.encode()),
        (BILL, "Software bill of materials (CycloneDX)", bill.encode()),
        *((document.name, document.about, content) for document, content in documents.items()),
    ]
    files = [FileEntry(name, about, hashlib.sha256(content).hexdigest()) for name, about, content in contents]
    threats = next(content for document, content in documents.items() if document.name == "threat-model.md")
    page = compose_dossier(installation, card, licences, threats.decode(), files, made_at)
    everything = {name: content for name, _, content in contents}
    everything["dossier.pdf"] = pdf_form.render_page(page, made_at)
    everything["contents.csv"] = _list_contents(everything)
    _write_whole(folder, everything)
    return [folder / name for name in everything]


def gather(session: Session, database: Database, organisation: str) -> tuple[Installation, str, bytes | None]:
    """Return what the dossier says of the installation, the model card, and the evaluation if there is one.

    Raises:
        PermanentError: when no bundle is active, or it has no model card.
    """
    active, manifest = bundles.find_active(session), find_active_manifest(session)
    if active is None or manifest is None:
        raise PermanentError(
            "no bundle is active: a dossier is about the bundle in use ('tbscreen models activate')"
        )
    card = bundles.fetch_file(session, active.digest, "model_card.md")
    if card is None:
        raise PermanentError(f"bundle {active.digest[:12]} has no model_card.md: retrain writes one")
    entries = [
        entry
        for entry in site_thresholds.list_site_thresholds(session)
        if entry.bundle_digest == active.digest
    ]
    counts = session.execute(select(Instance.state, func.count()).group_by(Instance.state))
    installation = Installation(
        version=__version__,
        migration=schema.newest_revision(),
        database=database.engine.dialect.name,
        organisation=organisation,
        digest=active.digest,
        manifest=manifest,
        threshold=next((entry for entry in entries if entry.active), None),
        studies=[
            StudyAnalysis.model_validate(entry.record[STUDY]) for entry in entries if STUDY in entry.record
        ],
        activations=activations.list_activations(session),
        changes=site_thresholds.list_changes(session, active.digest),
        films={str(state): int(count) for state, count in counts},
    )
    return installation, card.decode("utf-8"), bundles.fetch_file(session, active.digest, "report.html")


def _render_studies(installation: Installation, made_at: datetime) -> list[tuple[str, str, bytes]]:
    rendered = []
    for analysis in installation.studies:
        page = compose_study(analysis, made_at, installation.version, installation.organisation)
        about = f"Calibration study {analysis.name}, {analysis.first} to {analysis.last}"
        rendered.append((f"study-{analysis.name}.html", about, html_form.render_page(page).encode()))
        rendered.append(
            (
                f"study-{analysis.name}.json",
                f"{about}: all figures",
                analysis.model_dump_json(indent=1).encode(),
            )
        )
    return rendered


def _list_contents(everything: dict[str, bytes]) -> bytes:
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(("file", "bytes", "sha256"))
    for name, content in everything.items():
        writer.writerow((name, len(content), hashlib.sha256(content).hexdigest()))
    return output.getvalue().encode()


def _write_whole(folder: Path, everything: dict[str, bytes]) -> None:
    partial = Path(tempfile.mkdtemp(".partial", f".{folder.name}-", folder.parent))
    try:
        for name, content in everything.items():
            (partial / name).write_bytes(content)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
