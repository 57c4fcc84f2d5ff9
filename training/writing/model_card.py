"""The model card: what a model is for, what it can do, and where it must not be believed.

The same sections stand in the report (HTML) and in `model_card.md`. After Mitchell et al., "Model cards for
model reporting" (FAT* 2019). Limits follow from the figures: what was not measured is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from figures.text_table import TextTable
from judging.wording import write_figure
from training.judging.evaluation import AGE_BANDS, Evaluation, Row
from training.writing.report_facts import ReportFacts
from training.writing.wording import METHOD_NAMES, name_point, name_set, write_share

FEW_FILMS = 50
"""Fewer TB films than this in the same-source sets are said to prove little."""


@dataclass(frozen=True)
class Section:
    """One heading of the card with what stands under it."""

    title: str
    elsewhere: bool = False
    """True where the report says the same in a place of its own."""
    paragraphs: Sequence[str] = ()
    points: Sequence[str] = ()
    """A list with bullets."""
    tables: Sequence[TextTable] = ()


def compose_card(evaluation: Evaluation, facts: ReportFacts) -> tuple[Section, ...]:
    """Return the card's sections, in the order of reading."""
    made = [
        f"Made by `{facts.command}`, seed {facts.seed}, in {facts.duration} on {facts.machine}, "
        f"finished {facts.finished:%Y-%m-%d %H:%M %Z}.",
        "With " + ", ".join(f"{name} {version}" for name, version in sorted(facts.versions.items())) + ".",
    ]
    return (
        Section(
            "The model",
            paragraphs=(
                f"{facts.name} {facts.version}: a network of the architecture “{facts.architecture}” with "
                f"{facts.weights:,} weights. It takes one frontal chest film as 256 × 256 grey values and "
                "gives one score from 0 to 1: how much the film looks like those with tuberculosis that it "
                "was trained on.",
                *(() if facts.trained else ("**It is not trained: its scores mean nothing.**",)),
            ),
        ),
        _compose_use(),
        _compose_operating_points(evaluation, facts),
        _compose_figures(evaluation, facts),
        Section("The trap of mixed collections", True, tuple(explain_trap(evaluation))),
        Section("Limits", points=tuple(list_limits(evaluation))),
        Section(
            "Data and credits",
            paragraphs=() if facts.credits else ("The maker of this model has named no credits.",),
            points=tuple(facts.credits),
        ),
        Section("How it was made", True, (*made, *facts.notes)),
    )


def write_model_card(evaluation: Evaluation, facts: ReportFacts) -> str:
    """Return the card as Markdown."""
    parts = [f"# Model card: {facts.name} {facts.version}\n"]
    for section in compose_card(evaluation, facts):
        parts.append(f"## {section.title}\n")
        parts.extend(f"{paragraph}\n" for paragraph in section.paragraphs)
        if section.points:
            parts.append("".join(f"- {point}\n" for point in section.points))
        parts.extend(_write_table(table) for table in section.tables)
    return "\n".join(parts)


def explain_trap(evaluation: Evaluation) -> list[str]:
    """Say in words which figures may be believed, and what the trivial baselines reach."""
    said = [
        "Most public films with TB and most without come from different places, and a network can tell "
        "places apart by borders, letters and greys without looking at a lung. Only sets in which both "
        "classes come from one place say whether it sees the disease; best where that place had no part in "
        "training."
    ]
    one_class = [row for row in evaluation.sources if not (row.tb and row.not_tb)]
    if one_class:
        only_tb = [row.name for row in one_class if row.tb]
        only_others = [row.name for row in one_class if row.not_tb]
        sentence = [f"with TB only: {', '.join(only_tb)}"] if only_tb else []
        sentence += [f"without TB only: {', '.join(only_others)}"] if only_others else []
        said.append(
            f"Sources sampled from one class only ({'; '.join(sentence)}) prove nothing by themselves: their "
            "sensitivity or specificity may be the recognition of a place. The AUC over all test films mixes "
            "them in, and so flatters."
        )
    if evaluation.overall.auc and evaluation.overall.baselines:
        best = max(evaluation.overall.baselines.items(), key=lambda one: one[1].value)
        said.append(
            f"Over all test films the model reaches an AUC of {write_figure(evaluation.overall.auc)}; the "
            f"trivial baseline “{best[0]}”, which sees no lung, {write_figure(best[1])}."
        )
    return said


def list_same_source(evaluation: Evaluation) -> list[Row]:
    """Return the rows that prove something: both classes from one place, the unseen first."""
    both = [row for row in (*evaluation.unseen, *evaluation.sources) if row.auc]
    return sorted(both, key=lambda row: row.seen_in_training)


def list_limits(evaluation: Evaluation) -> list[str]:
    """Say what these figures do not show, as far as the films tell."""
    same = list_same_source(evaluation)
    limits = []
    if not same:
        limits.append(
            "No source of the test films holds both classes: nothing here shows that the model sees the "
            "disease rather than the place."
        )
    elif (few := sum({row.name: row.tb for row in reversed(same)}.values())) < FEW_FILMS:
        limits.append(
            f"Only {few} films with TB come from places that also gave films without: the intervals there "
            "are wide, and they count."
        )
    if not any(not row.seen_in_training for row in same):
        limits.append(
            "No hospital with both classes was held out: expect less at a hospital that the model has not "
            "seen."
        )
    for kind, words in (("sex", "sex"), ("age", "age"), ("view", "view (PA, AP)")):
        rows = evaluation.subgroups.get(kind, ())
        if not any(row.auc for row in rows):
            known = "; only one class is known by it" if rows else ""
            limits.append(f"Whether it does equally well by {words} is not known{known}.")
    limits += [
        "It knows nothing of HIV status, silicosis, scars of earlier TB or other disease unless the films "
        "above say so; these raise false alarms and hide disease.",
        "The truth is the label that came with each film, seldom a culture: it has errors of its own.",
        f"Not for people under {AGE_BANDS[0][1]}: WHO recommends computer-aided detection from that age "
        "(consolidated guidelines, module 2, 2021).",
        "Machines, exposure and processing differ between hospitals: measure it on films of your own, choose "
        "the thresholds there, and again after every change of equipment.",
    ]
    return limits


def _compose_use() -> Section:
    return Section(
        "Intended use",
        paragraphs=(
            "Research, and triage of frontal chest films of people of 15 years and over, in a programme that "
            "confirms TB bacteriologically and in which a person decides. Research software, not a medical "
            "device; cleared by no authority.",
        ),
        points=(
            "Not for diagnosis, nor for ruling out TB in a person who is ill.",
            "Not for children, lateral films, CT, photographs of films or other body parts.",
            "Not for following a treatment, and not for extrapulmonary TB.",
        ),
    )


def _compose_operating_points(evaluation: Evaluation, facts: ReportFacts) -> Section:
    words = [
        "Chosen on validation films, measured on test films; a film is positive from the threshold upwards."
    ]
    if facts.calibration and (prevalence := facts.calibration.calibration.prevalence):
        method = METHOD_NAMES[facts.calibration.calibration.method]
        words.append(
            f"The probability shown to people is calibrated ({method}) for a prevalence of {prevalence:.1%}. "
            "Where TB is rarer or more frequent it must be restated."
        )
    if evaluation.calibration:
        words.append(
            f"At the share of TB of the test films ({evaluation.calibration.prevalence:.0%}): Brier score "
            f"{write_figure(evaluation.calibration.brier)}, expected calibration error "
            f"{write_figure(evaluation.calibration.calibration_error)}."
        )
    rows = [
        (
            name_point(point.name),
            f"{point.threshold:.3f}",
            write_share(point.sensitivity),
            write_share(point.specificity),
        )
        for point in evaluation.operating_points
    ]
    columns = ("operating point", "threshold", "sensitivity", "specificity")
    return Section(
        "Operating points", True, tuple(words), tables=(TextTable("All test films", columns, rows),)
    )


def _compose_figures(evaluation: Evaluation, facts: ReportFacts) -> Section:
    names = list(dict.fromkeys(name for row in _list_rows(evaluation) for name in row.baselines))
    columns = ["films", "with TB / without", "AUC", *names, "sensitivity", "specificity"]
    rows = [
        (
            name_set(row.name) + ("" if row.seen_in_training else " (unseen)"),
            f"{row.tb} / {row.not_tb}",
            write_figure(row.auc),
            *(write_figure(row.baselines.get(name)) for name in names),
            write_share(row.sensitivity.get("screening")),
            write_share(row.specificity.get("screening")),
        )
        for row in _list_rows(evaluation)
    ]
    note = "Sensitivity and specificity at the screening threshold; all intervals 95 %."
    return Section("Figures", True, tables=(TextTable("Test films", columns, rows, note), *facts.tables))


def _list_rows(evaluation: Evaluation) -> list[Row]:
    return [*evaluation.unseen, *evaluation.sources, *evaluation.labels, evaluation.overall]


def _write_table(table: TextTable) -> str:
    lines = [f"**{table.title}**", "", _write_line(table.columns), _write_line(["---"] * len(table.columns))]
    lines += [_write_line(row) for row in table.rows]
    return "\n".join(lines) + "\n" + (f"\n{table.note}\n" if table.note else "")


def _write_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
