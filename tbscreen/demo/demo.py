"""`make demo`: one real film, all the way from a PACS and back to it.

Starts the embedded stack in a temporary folder and a small storage SCP that plays the PACS, sends RG1 (a
real chest film, PyPI package pydicom-data) over a real association, and waits for the report.
"""

from __future__ import annotations

import time
from pathlib import Path

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pynetdicom import AE
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from db.worklist import worklist
from db.worklist.study_entries import FilmEntry, StudyEntry
from domain.bundle.tb_score import explain, format_tb_score
from domain.errors import PermanentError
from domain.notices import NOTICE
from tbscreen.demo.trial import Trial, trial
from tbscreen.models.bundle_lookup import find_active_manifest
from tbscreen.terminal.terminal_tables import draw_worklist, shorten_uid

FILM = "RG1_UNCR.dcm"
REPORT_TIMEOUT_S = 60.0
SETTLE_TIMEOUT_S = 10.0
POLL_S = 0.05


def run_demo(console: Console, keep: Path) -> None:
    """Run the demo; returns only if the report came back.

    Args:
        console: to print on.
        keep: folder where the report is left for the reader to look at.

    Raises:
        PermanentError: when the film is not there, not taken, or not reported.
    """
    path = get_testdata_file(FILM)
    if path is None:
        raise PermanentError(f"{FILM} is not here: install the package pydicom-data")
    film = dcmread(path)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting")
        with trial(lambda part: progress.update(task, description=f"starting {part}")) as installation:
            progress.update(task, description="sending the film to the gateway")
            store_ms = _send(film, installation)
            progress.update(task, description="waiting for the report in the PACS")
            started = time.monotonic()
            if not installation.pacs.wait_for(1, REPORT_TIMEOUT_S):
                console.print(installation.log.read_text("utf-8", "replace"), highlight=False, markup=False)
                raise PermanentError(f"no report within {REPORT_TIMEOUT_S:.0f} s; the log above says why")
            round_trip_ms = store_ms + (time.monotonic() - started) * 1000
            study = _wait_until_delivered(installation)
            with installation.database.read() as session:
                manifest = find_active_manifest(session)
            received, _ = next(iter(installation.pacs.received.values()))
            report = dcmread(received)
            keep.mkdir(parents=True, exist_ok=True)
            kept = keep / "demo-report.dcm"
            kept.write_bytes(received.read_bytes())
            model = installation.service.model
    _check(report, film)
    _print(console, film, study, report, kept, store_ms, round_trip_ms, f"{model.name} {model.version}")
    assert manifest is not None, "the service has activated a bundle"
    console.print(f"The report came back to the PACS. {NOTICE}", highlight=False)
    console.print(explain(manifest.model_dump(mode="json")), highlight=False)


def _send(film: Dataset, installation: Trial) -> float:
    ae = AE(ae_title=installation.pacs.ae_title)
    ae.add_requested_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID)
    service = installation.service
    association = ae.associate("127.0.0.1", service.dicom_port, ae_title=service.ae_title)
    if not association.is_established:
        raise PermanentError("the gateway does not take the association")
    started = time.monotonic()
    status = association.send_c_store(film).get("Status")
    elapsed = (time.monotonic() - started) * 1000
    association.release()
    if status != 0x0000:
        raise PermanentError(f"the gateway answers the film with status {status!r}")
    return elapsed


def _wait_until_delivered(installation: Trial) -> StudyEntry:
    """The PACS has the report a moment before the courier has written that down."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while time.monotonic() < deadline:
        with installation.database.read() as session:
            studies = worklist.find_page(session).studies
        if studies and studies[0].films and "deliver" in studies[0].films[0].stages_ms:
            return studies[0]
        time.sleep(POLL_S)
    raise PermanentError("the report came, but its delivery was not recorded")


def _check(report: Dataset, film: Dataset) -> None:
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    if (
        report.StudyInstanceUID != film.StudyInstanceUID
        or evidence.ReferencedSOPSequence[0].ReferencedSOPInstanceUID != film.SOPInstanceUID
    ):
        raise PermanentError("the report does not refer to the film")


def _print(
    console: Console,
    film: Dataset,
    study: StudyEntry,
    report: Dataset,
    kept: Path,
    store_ms: float,
    round_trip_ms: float,
    model: str,
) -> None:
    entry: FilmEntry = study.films[0]
    facts = Table(title="One film, all the way", show_header=False)
    facts.add_column(style="bold")
    facts.add_column()
    rows, columns = film.Rows, film.Columns
    facts.add_row(
        "film",
        f"{entry.modality} {entry.body_part} {entry.view_position}, {rows}×{columns}, "
        f"{film.PhotometricInterpretation}",
    )
    facts.add_row("SOP Instance UID", shorten_uid(str(film.SOPInstanceUID)))
    facts.add_row("Study Instance UID", shorten_uid(str(film.StudyInstanceUID)))
    facts.add_row("TB score", format_tb_score(entry.tb_score))
    facts.add_row("finding", str(entry.finding))
    facts.add_row("priority", str(entry.priority))
    untrained = "" if entry.trained else " (untrained: the score means nothing)"
    facts.add_row("model", model + untrained)
    facts.add_row("film out to SR in", f"{round_trip_ms:.0f} ms, of which")
    facts.add_row("  C-STORE", f"{store_ms:.0f} ms, of which")
    for stage, milliseconds in entry.stages_ms.items():
        facts.add_row(f"    {stage}" if stage == "receive" else f"  {stage}", f"{milliseconds:.0f} ms")
    facts.add_row("report", f"{report.SOPClassUID.name}, “{report.SeriesDescription}”")
    facts.add_row("SR file", str(kept))
    console.print(facts)
    console.print(draw_worklist([study]))
