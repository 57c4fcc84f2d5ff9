"""One bundle as a person reads it: what it is, what it was made of, what it can do, what it was used for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from sqlalchemy.orm import Session

from db.models import activations, admissions, bundles, shadow_screenings
from db.models.activations import ActivationEntry
from db.models.admissions import AdmissionEntry
from db.models.bundles import RegisteredModel
from db.models.shadow_screenings import Agreement
from domain.codes import GoldenOrigin
from domain.percentages import format_percent
from tbscreen.models.trust import describe_trust
from tbscreen.terminal.terminal_tables import name_use, quote

if TYPE_CHECKING:
    from training.judging.comparison import Comparison

REPORT: Final = "report.html"
DIGEST: Final = 64
"""Length of a SHA-256 in hexadecimal digits."""
VERDICTS: Final = {
    "better": "the candidate is better",
    "not_worse": "the candidate is not worse: the interval holds 0",
    "worse": "the candidate is worse: it is not activated without --force",
    "not_comparable": "not comparable: it takes 20 films with and 20 without TB that neither has seen",
}
GOLDEN: Final = {
    GoldenOrigin.SEAL: "of its seal: workers compare them at each load",
    GoldenOrigin.EXAMINATION: "made here, when it was examined: workers compare them at each load",
}
ROW_SETS: Final = ("overall", "unseen", "sources", "labels")


@dataclass(frozen=True)
class ModelSheet:
    """All that the database knows of one bundle."""

    model: RegisteredModel
    previous: bool
    manifest: Mapping[str, Any]
    activations: Sequence[ActivationEntry]
    """Newest first."""
    shadow: Agreement
    """With what was reported of the same films."""
    admission: AdmissionEntry
    trust: str | None
    """The reason why it is trusted, in words."""

    def to_json(self) -> dict[str, Any]:
        """Return the sheet as a JSON object."""
        return {
            **asdict(self.model),
            "previous": self.previous,
            "manifest": dict(self.manifest),
            "activations": [asdict(activation) for activation in self.activations],
            "shadow_screenings": {**asdict(self.shadow), "equal_share": self.shadow.equal_share},
            "admission": asdict(self.admission),
            "trusted": self.trust,
        }


def read_sheet(session: Session, model: RegisteredModel) -> ModelSheet:
    """Gather what the database knows of a registered bundle."""
    return ModelSheet(
        model=model,
        previous=activations.find_previous(session) == model.digest,
        manifest=bundles.read_manifest(session, model.digest),
        activations=activations.list_activations(session, model.digest),
        shadow=shadow_screenings.measure_agreement(session, model.digest),
        admission=admissions.find(session, model.digest),
        trust=describe_trust(session, model.digest),
    )


def draw_sheet(sheet: ModelSheet) -> RenderableType:
    """Return the sheet for a terminal."""
    manifest, model = sheet.manifest, sheet.model
    title = f"{model.name} {model.version}"
    facts = Table(title=title, box=None, show_header=False, title_justify="left", padding=(0, 1, 0, 0))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("digest", model.digest)
    facts.add_row("use", name_use(model, model.digest if sheet.previous else None))
    facts.add_row("trusted", quote(sheet.trust or "no: no trusted site key has signed it"))
    origin = sheet.admission.golden_origin
    facts.add_row("golden scores", "unknown" if origin is None else GOLDEN[GoldenOrigin(origin)])
    facts.add_row("architecture", quote(manifest.get("architecture")))
    facts.add_row("trained", "yes" if model.trained else "no: its scores mean nothing")
    facts.add_row("normalization", model.normalization_version)
    facts.add_row("calibration", _describe_calibration(manifest.get("calibration") or {}))
    facts.add_row("registered", f"{model.registered_at:%Y-%m-%d %H:%M} UTC")
    if manifest.get("notes"):
        facts.add_row("notes", quote(manifest["notes"]))
    parts: list[RenderableType] = [facts, _draw_points(manifest)]
    metrics, data = manifest.get("metrics") or {}, manifest.get("training_data") or {}
    if "overall" in metrics:
        parts.append(_draw_rows(metrics))
    elif metrics:
        parts.append(_draw_pairs("Metrics", metrics))
    if data:
        parts.append(_draw_pairs("Training data", data))
    if sheet.activations:
        parts.append(_draw_history(sheet.activations))
    if model.shadow or sheet.shadow.films or sheet.shadow.unfinished:
        parts.append(draw_agreement(sheet.shadow))
    parts.append(_draw_pairs("Files (SHA-256)", manifest.get("files") or {}))
    return Group(*parts)


def draw_agreement(agreement: Agreement) -> RenderableType:
    """Return how a bundle in the shadow and the reported results agree."""
    table = _draw_table("Shadow against reported", "Figure", "Value")
    table.add_row("films", f"{agreement.films:,}")
    if agreement.unfinished:
        table.add_row("begun, never finished", f"{agreement.unfinished:,}")
    if agreement.films:
        table.add_row("equal findings", format_percent(agreement.equal_share))
        for reported, row in agreement.findings.items():
            for shadow, films in row.items():
                if shadow != reported:
                    table.add_row(f"reported {reported}, shadow {shadow}", f"{films:,}")
        correlation, difference = agreement.score_correlation, agreement.mean_probability_difference
        table.add_row("correlation of the scores", "—" if correlation is None else f"{correlation:.3f}")
        table.add_row(
            "mean difference of the probabilities", "—" if difference is None else f"{difference:+.1%}"
        )
        table.add_row(
            "from, to (UTC)", f"{agreement.first_at:%Y-%m-%d %H:%M}, {agreement.last_at:%Y-%m-%d %H:%M}"
        )
    return table


def draw_comparison(
    comparison: Comparison, candidate: RegisteredModel, reference: RegisteredModel
) -> RenderableType:
    """Return a comparison of two bundles for a terminal."""
    origin = {
        "films.csv": "films in the test part of both bundles, by the scores that these state",
        "images": "films named, without those that one of the two was fitted to",
    }
    table = _draw_table(origin.get(comparison.origin, comparison.origin), "Bundle", "Digest", "AUC (95 %)")
    for model, auc in ((candidate, comparison.candidate_auc), (reference, comparison.reference_auc)):
        estimate = None if auc is None else auc.model_dump()
        table.add_row(f"{model.name} {model.version}", model.digest[:12], _format_estimate(estimate))
    if comparison.difference is not None:
        table.add_row("difference", "", _format_difference(comparison.difference.model_dump()))
    for source, difference in comparison.sources.items():
        table.add_row(quote(f"within {source}"), "", _format_difference(difference.model_dump()))
    films = f"{comparison.films:,} films, {comparison.tb:,} with TB; {comparison.left_out:,} left out"
    verdict = VERDICTS[comparison.verdict.value]
    return Group(
        table, films, *(f"warning: {warning}" for warning in comparison.warnings), f"verdict: {verdict}"
    )


def _draw_table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _draw_points(manifest: Mapping[str, Any]) -> Table:
    films = "validation films"
    if (manifest.get("metrics") or {}).get("left_out"):
        films = "films of hospitals that the scoring network never saw"
    title = f"Operating points, chosen on {films}"
    table = _draw_table(title, "Name", "Threshold", "Sensitivity", "Specificity", "")
    for point in manifest.get("operating_points") or ():
        table.add_row(
            quote(point["name"]),
            f"{point['threshold']:.4f}",
            format_percent(point.get("sensitivity")),
            format_percent(point.get("specificity")),
            "reported" if point["name"] == manifest.get("reported_operating_point") else "",
        )
    return table


def _draw_rows(metrics: Mapping[str, Any]) -> Table:
    """Draw what `training.judging.evaluation.Evaluation` says of each set of test films."""
    table = _draw_table(
        "On test films, with 95 % intervals; sensitivity and specificity at the screening point",
        "Films",
        "TB",
        "not TB",
        "AUC",
        "Sensitivity",
        "Specificity",
    )
    for kind in ROW_SETS:
        rows = metrics.get(kind) or ()
        for row in [rows] if isinstance(rows, Mapping) else rows:
            name = f"{row['name']} (left out of training)" if kind == "unseen" else row["name"]
            table.add_row(
                quote(name),
                str(row["tb"]),
                str(row["not_tb"]),
                _format_estimate(row.get("auc")),
                _format_estimate((row.get("sensitivity") or {}).get("screening")),
                _format_estimate((row.get("specificity") or {}).get("screening")),
            )
    return table


def _draw_history(entries: Sequence[ActivationEntry]) -> Table:
    table = _draw_table("Activations (UTC)", "When", "Who", "Instead of", "Why")
    for entry in entries:
        reason = "rolled back" if entry.rollback else ""
        if entry.comparison is not None:
            reason = _describe_difference(entry.comparison)
        if entry.forced_reason is not None:
            reason = f"forced: {entry.forced_reason}" + (f"; {reason}" if reason else "")
        table.add_row(
            f"{entry.activated_at:%Y-%m-%d %H:%M}",
            quote(entry.activated_by),
            entry.previous_digest[:12] if entry.previous_digest else "—",
            quote(reason, ""),
        )
    return table


def _draw_pairs(title: str, pairs: Mapping[str, Any]) -> RenderableType:
    """Draw pairs, digests last, each below its name: beside it, no line of 80 columns holds a whole one."""
    rows = [(quote(name), quote(value)) for name, value in _flatten(pairs)]
    table, digests = _draw_table(title, "", ""), Table(box=None, show_header=False)
    table.show_header = False
    for name, value in rows:
        if len(value) == DIGEST:
            digests.add_row(Text.assemble(name, "\n  ", value))
        else:
            table.add_row(name, value)
    return Group(table, digests) if digests.row_count else table


def _flatten(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of a JSON object, each under its path; an interval is one leaf."""
    if isinstance(value, Mapping) and not {"value", "low", "high"} <= value.keys():
        for key, inner in value.items():
            yield from _flatten(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, Mapping):
        yield name, _format_estimate(value)
    elif isinstance(value, list):
        yield name, ", ".join(str(item) for item in value)
    else:
        yield name, f"{value:.4g}" if isinstance(value, float) else str(value)


def _format_estimate(estimate: Mapping[str, Any] | None) -> str:
    if estimate is None:
        return "—"
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}–{estimate['high']:.3f})"


def _format_difference(difference: Mapping[str, float]) -> str:
    return f"{difference['value']:+.3f} ({difference['low']:+.3f} to {difference['high']:+.3f})"


def _describe_calibration(calibration: Mapping[str, Any]) -> str:
    if calibration.get("method") in (None, "identity"):
        return "none: the score is no probability"
    prevalence = calibration.get("prevalence")
    known = "of an unknown prevalence" if prevalence is None else f"for a prevalence of {prevalence:.2%}"
    return f"{calibration['method']}, {known}"


def _describe_difference(comparison: Mapping[str, Any]) -> str:
    difference = comparison.get("difference")
    if difference is None:
        return "not comparable"
    return f"AUC {_format_difference(difference)} on {comparison['films']} films"
