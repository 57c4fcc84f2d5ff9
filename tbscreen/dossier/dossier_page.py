"""The PDF of a dossier, in plain language: intended use, installation, accuracy, study, software, history."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.models.activations import ActivationEntry
from db.models.site_thresholds import ChangeEntry, SiteThresholdEntry
from domain.bundle.manifest import Manifest
from domain.errors import PermanentError
from domain.notices import NOTICE
from figures.text_table import TextTable
from reports.calibration_study.analysis import StudyAnalysis
from reports.calibration_study.pages import compose_page as compose_study
from reports.page import Page
from reports.sections.section import Section
from reports.site_threshold.sheet import describe_change


@dataclass(frozen=True)
class Installation:
    """The facts of an installation that its dossier names."""

    version: str
    migration: str
    database: str
    organisation: str
    digest: str
    manifest: Manifest
    """Of the active bundle, with the operating points in use."""
    threshold: SiteThresholdEntry | None
    """The site's own in use; None: the bundle's."""
    studies: Sequence[StudyAnalysis]
    """Calibration studies whose threshold was kept, newest first."""
    activations: Sequence[ActivationEntry]
    changes: Sequence[ChangeEntry]
    films: Mapping[str, int]
    """Number of films by state."""


@dataclass(frozen=True)
class FileEntry:
    """A file of the dossier."""

    name: str
    about: str
    sha256: str


def compose_dossier(
    installation: Installation,
    card: str,
    licences: Mapping[str, str],
    threats: str,
    files: Sequence[FileEntry],
    made_at: datetime,
) -> Page:
    """Return the page.

    Args:
        installation: the installation.
        card: the active bundle's model card, Markdown.
        licences: licence of each installed package.
        threats: the threat model, Markdown.
        files: the other files of the dossier.
        made_at: time, UTC.

    Raises:
        PermanentError: when the model card has not the parts that it must have.
    """
    manifest, newest = installation.manifest, next(iter(installation.studies), None)
    study = (
        None
        if newest is None
        else compose_study(newest, made_at, installation.version, installation.organisation)
    )
    return Page(
        kind="Dossier",
        organisation=installation.organisation,
        name="Dossier of a tbscreen installation",
        title="Tuberculosis screening of chest radiographs: dossier",
        subtitle=f"tbscreen {installation.version}, {manifest.name} {manifest.version}",
        made=f"Made {made_at:%-d %B %Y, %H:%M} UTC from the installation itself",
        notice=NOTICE,
        alarm=None,
        tiles=[] if study is None else study.tiles,
        sections=[
            Section("use", "Intended use and limits", read_part(card, "Intended use")),
            _describe_installation(installation),
            Section(
                "before",
                "Accuracy before this site",
                [
                    *read_part(card, "Operating points")[:3],
                    "All figures are in model-card.md and evaluation.html.",
                ],
            ),
            *(
                [
                    Section(
                        "no-study",
                        "Study of this site",
                        [
                            "No calibration study of this site has been closed with a threshold. The "
                            "accuracy at this site is not known: WHO asks each programme for such a study, "
                            "and again with each new version."
                        ],
                    )
                ]
                if study is None
                else study.sections
            ),
            _describe_software(licences),
            _describe_threats(threats),
            _describe_history(installation),
            Section(
                "files",
                "Files of this dossier",
                ["The SHA-256 of each file is in contents.csv."],
                [TextTable("", ("file", "content"), [(entry.name, entry.about) for entry in files])],
            ),
        ],
        pictures=[] if study is None else study.pictures,
    )


def read_part(markdown: str, title: str) -> list[str]:
    """Return the paragraphs and list items of a part of a Markdown document, without its tables.

    Raises:
        PermanentError: when there is no such part.
    """
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", markdown, re.MULTILINE | re.DOTALL)
    if found is None:
        raise PermanentError(f"the model card has no part '{title}': retrain writes one")
    blocks = [block.strip() for block in re.split(r"\n\s*\n|\n(?=- )", found[1])]
    texts = [" ".join(block.split()) for block in blocks if block and not block.startswith(("|", "**"))]
    return [text.removeprefix("- ") for text in texts]


def _describe_installation(installation: Installation) -> Section:
    manifest, point = installation.manifest, installation.manifest.reported_operating_point
    own = installation.threshold
    chosen_on = "left-out hospitals" if "left_out" in manifest.metrics else "films that its report names"
    rows = [
        ("tbscreen", installation.version),
        ("database", f"{installation.database}, migration {installation.migration}"),
        ("bundle", f"{manifest.name} {manifest.version}"),
        ("its SHA-256", installation.digest),
        ("trained", "yes" if manifest.trained else "no: its scores mean nothing"),
        (
            "threshold in use",
            f"{manifest.find_operating_point(point).threshold:.4f} ({point}), HIGH from "
            f"{manifest.find_operating_point('rule_in').threshold:.4f}",
        ),
        (
            "its origin",
            f"the bundle's, chosen on {chosen_on}"
            if own is None
            else f"this site's: calibration {own.calibration_id} of {own.made_at:%-d %B %Y}, signed",
        ),
        (
            "films",
            ", ".join(f"{count:,} {state}" for state, count in sorted(installation.films.items())) or "none",
        ),
    ]
    return Section("installation", "The installation", [], [TextTable("", ("", ""), rows)])


def _describe_software(licences: Mapping[str, str]) -> Section:
    counts = Counter(licence or "not stated" for licence in licences.values())
    return Section(
        "software",
        "Software",
        [f"{len(licences)} packages are installed; sbom.cdx.json lists them with versions and licences."],
        [
            TextTable(
                "", ("licence", "packages"), [(name, str(count)) for name, count in counts.most_common()]
            )
        ],
    )


def _describe_threats(threats: str) -> Section:
    tried = [line for line in threats.splitlines() if line.startswith("|") and "::test_" in line]
    return Section(
        "threats",
        "Security and tests",
        [
            f"threat-model.md names {len(tried)} attacks, what stops each, the test that tries it, and what "
            "is not stopped.",
            "chaos.md and robustness.md have the failures and hostile films that were tried, with their "
            "results and commands.",
        ],
    )


def _describe_history(installation: Installation) -> Section:
    rows = [
        (
            f"{entry.activated_at:%Y-%m-%d %H:%M}",
            f"bundle {entry.bundle_digest[:12]} active",
            entry.activated_by,
        )
        for entry in installation.activations
    ]
    return Section(
        "history",
        "History",
        [describe_change(change) for change in installation.changes]
        or ["The site's threshold was never changed."],
        [TextTable("", ("UTC", "change", "by"), rows)],
    )
