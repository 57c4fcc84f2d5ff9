"""The command `tbscreen report`: figures of a period from the results database."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from db.clock import now
from db.counts.report_counts import Grouping, count_films, group_by
from domain.bacteriology import TruthSource
from tbscreen import __version__
from tbscreen.terminal.day_options import day_option
from tbscreen.terminal.invocation import fail, open_database, prepare

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from reports.figures import Report
    from reports.period import Period

DRIFTED: Final = 3
"""Exit status of `--fail-on-drift` when there is an alert."""


class Form(StrEnum):
    """As what a report is written."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    HTML = "html"
    PDF = "pdf"


def write_report(
    first: Annotated[
        date | None, day_option("--from", help="First day. By default that of last month.")
    ] = None,
    last: Annotated[date | None, day_option("--to", help="Last day, included. By default today.")] = None,
    by: Annotated[Grouping | None, typer.Option(help="Figures of each, beside those of all films.")] = None,
    form: Annotated[Form, typer.Option("--format", help="As what it is written.")] = Form.TEXT,
    out: Annotated[
        Path | None,
        typer.Option(help="Write it into this file; '-' or none: standard output.", metavar="FILE"),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Time zone of the days; by default reports.timezone.", metavar="NAME")
    ] = None,
    with_studies: Annotated[
        bool,
        typer.Option(
            "--with-studies", help="Name disagreements by accession number: then it is patient data."
        ),
    ] = False,
    reference_from: Annotated[
        date | None, day_option(help="First day that drift is measured against.")
    ] = None,
    reference_to: Annotated[date | None, day_option(help="Last such day, included.")] = None,
    truth: Annotated[
        TruthSource,
        typer.Option(
            help="Measure scores against reads, bacteriology, or bacteriology where it decides, else reads."
        ),
    ] = TruthSource.READS,
    fail_on_drift: Annotated[
        bool, typer.Option("--fail-on-drift", help="End with status 3 when drift raises an alert.")
    ] = False,
) -> None:
    """Report a period: films, findings, turnaround, deliveries, agreement with reads, drift.

    Without --from and --to it is about last month. It holds no patient data unless --with-studies asks for
    it.
    """
    from reports.composition import Request, compose_report
    from reports.period import choose_period
    from reports.settings import ReportSettings

    if form is Form.PDF and out is None and sys.stdout.isatty():
        fail("a PDF is not for a terminal: name a file with --out")
    settings = prepare("report")
    site = settings.reports
    if timezone is not None:
        try:
            site = ReportSettings.model_validate({**site.model_dump(), "timezone": timezone})
        except ValueError:
            fail(f"--timezone {timezone}: not a time zone of this host; names are like Africa/Nairobi")
    if (reference_from is None) != (reference_to is None):
        fail("--reference-from and --reference-to go together")
    period = choose_period(first, last, site.timezone)
    request = Request(period, by, with_studies, reference_from, reference_to, truth)
    with open_database(settings).read(frozen=True) as session:
        report = compose_report(session, request, site, __version__)
        newer = _count_newer(session, period) if first is None and last is None else 0
    _write(_render(report, form), out)
    if newer:
        typer.echo(f"newer films, not in this report: {newer} (--from {period.following})", err=True)
    if fail_on_drift and report.drift.alerts:
        raise typer.Exit(DRIFTED)


def _count_newer(session: Session, period: Period) -> int:
    newer = replace(period.to_span(), start=period.to_span().end, end=now() + timedelta(days=1))
    return sum(count.films for count in count_films(session, newer, group_by(None)))


def _render(report: Report, form: Form) -> bytes:
    from reports.csv_form import render_csv
    from reports.text_form import render_text

    if form is Form.CSV:
        return render_csv(report).encode()
    if form is Form.JSON:
        return report.model_dump_json(indent=2).encode() + b"\n"
    if form is Form.HTML:
        from reports.html_form import render_html

        return render_html(report).encode()
    if form is Form.PDF:
        from reports.pdf_form import render_pdf

        return render_pdf(report)
    return render_text(report).encode()


def _write(content: bytes, out: Path | None) -> None:
    if out is None or str(out) == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    else:
        out.write_bytes(content)
