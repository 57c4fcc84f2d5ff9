"""The model card: purpose, figures and limits of a model.

The report (HTML) and `model_card.md` have the same sections. After Mitchell et al., "Model cards for model
reporting" (FAT* 2019). The limits follow from the figures: everything that was not measured is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from figures.text_table import TextTable
from judging.wording import write_figure
from training.judging.evaluation import AGE_BANDS, Evaluation, Row
from training.learning.recipe import Architecture
from training.writing.report_facts import ReportFacts
from training.writing.wording import METHOD_NAMES, name_point, name_set, write_share

FEW_FILMS = 50
"""The card warns of fewer TB films than this in sources with both classes."""


@dataclass(frozen=True)
class Section:
    """One heading of the card with its content."""

    title: str
    elsewhere: bool = False
    """True when the report has this content in another section."""
    paragraphs: Sequence[str] = ()
    points: Sequence[str] = ()
    """Items of a bulleted list."""
    tables: Sequence[TextTable] = ()


def compose_card(evaluation: Evaluation, facts: ReportFacts) -> tuple[Section, ...]:
    """Return the sections of the card in order."""
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
                "gives one score from 0 to 1: the similarity of the film to the films with tuberculosis in "
                "its training.",
            ),
        ),
        _compose_use(),
        _compose_operating_points(evaluation, facts),
        _compose_figures(evaluation, facts),
        Section("The trap of mixed collections", True, tuple(explain_trap(evaluation))),
        Section("Limits", points=(*list_limits(evaluation), *list_limits_of_network(facts.architecture))),
        Section(
            "Data and credits",
            paragraphs=() if facts.credits else ("The maker of this model named no credits.",),
            points=tuple(facts.credits),
        ),
        Section("The training run", True, (*made, *facts.notes)),
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
    """Return paragraphs on the reliability of the figures and the AUC of the trivial baselines."""
    paragraphs = [
        "Most public films with TB come from other places than most films without TB, and a network can tell "
        "places apart by borders, letters and greys without looking at a lung. Only films of both classes "
        "from one place show whether the network sees the disease, and best of all where that place had no "
        "part in training."
    ]
    one_class = [row for row in evaluation.sources if not (row.tb and row.not_tb)]
    if one_class:
        only_tb = [row.name for row in one_class if row.tb]
        only_others = [row.name for row in one_class if row.not_tb]
        sentence = [f"with TB only: {', '.join(only_tb)}"] if only_tb else []
        sentence += [f"without TB only: {', '.join(only_others)}"] if only_others else []
        paragraphs.append(
            f"Sources with films of one class only ({'; '.join(sentence)}) prove nothing by themselves: "
            "their sensitivity or specificity may come from recognition of the place. The AUC over all test "
            "films includes them and is therefore too high."
        )
    if evaluation.overall.auc and evaluation.overall.baselines:
        name, auc = max(evaluation.overall.baselines.items(), key=lambda baseline: baseline[1].value)
        paragraphs.append(
            f"Over all test films the model reaches an AUC of {write_figure(evaluation.overall.auc)}; the "
            f"trivial baseline “{name}”, which does not look at the lung, reaches {write_figure(auc)}."
        )
    return paragraphs


def list_same_source(evaluation: Evaluation) -> list[Row]:
    """Return the rows of sources with both classes, those not seen in training first."""
    both = [row for row in (*evaluation.unseen, *evaluation.sources) if row.auc]
    return sorted(both, key=lambda row: row.seen_in_training)


def list_limits(evaluation: Evaluation) -> list[str]:
    """Return the limits of the figures, as sentences."""
    same = list_same_source(evaluation)
    limits = []
    if not same:
        limits.append(
            "No source of the test films has both classes: nothing here shows that the model recognises the "
            "disease rather than the place."
        )
    elif (few := sum({row.name: row.tb for row in reversed(same)}.values())) < FEW_FILMS:
        limits.append(
            f"Only {few} films with TB come from places with films of both classes: the intervals there are "
            "wide, and they must be taken seriously."
        )
    if not any(not row.seen_in_training for row in same):
        limits.append(
            "No hospital with both classes was held out: expect lower figures at a hospital that the model "
            "has not seen."
        )
    for kind, words in (("sex", "sex"), ("age", "age"), ("view", "view (PA, AP)")):
        rows = evaluation.subgroups.get(kind, ())
        if not any(row.auc for row in rows):
            known = "; it is known only for films of one class" if rows else ""
            limits.append(f"The performance by {words} is unknown{known}.")
    limits += [
        "The effect of HIV, silicosis, scars of earlier TB and other diseases was not measured unless the "
        "films above include them; they cause false alarms and hide TB.",
        "The reference is the label that came with each film, seldom a culture, and has errors of its own.",
        f"Not for people under {AGE_BANDS[0][1]}: WHO recommends computer-aided detection from that age "
        "(consolidated guidelines, module 2, 2021).",
        "Machines, exposure and processing differ between hospitals: measure the model on your own films and "
        "choose the thresholds there, also after every change of equipment.",
    ]
    return limits


def list_limits_of_network(architecture: str) -> list[str]:
    """Return the limits of an architecture that no figure shows, as sentences."""
    if architecture != Architecture.DEFAULT.value:
        return []
    return [
        "The score counts the upper zones of the chest more than the lower ones: tuberculosis of the lower "
        "zones alone is more easily missed, and no figure here says how much."
    ]


def _compose_use() -> Section:
    return Section(
        "Intended use",
        paragraphs=(
            "Research, and triage of frontal chest films of people of 15 years and over, in a programme that "
            "confirms TB bacteriologically and in which a person decides. Research software, not a medical "
            "device, and not cleared by any authority.",
        ),
        points=(
            "Not for diagnosis, and not for ruling out TB in a person who is ill.",
            "Not for children, lateral films, CT, photographs of films or other body parts.",
            "Not for monitoring of treatment, and not for extrapulmonary TB.",
        ),
    )


def _compose_operating_points(evaluation: Evaluation, facts: ReportFacts) -> Section:
    unseen = "films of hospitals that the scoring network never saw"
    chosen = unseen if facts.point_notes else "validation films"
    words = [
        f"Chosen on {chosen}, measured on test films. A film is positive when its score is at least the "
        "threshold.",
        *facts.point_notes,
    ]
    if facts.calibration and (prevalence := facts.calibration.calibration.prevalence):
        method = METHOD_NAMES[facts.calibration.calibration.method]
        words.append(
            f"The probability is calibrated ({method}) for a prevalence of {prevalence:.1%}. Restate it "
            "where TB is rarer or more frequent."
        )
    if evaluation.calibration:
        words.append(
            f"At the prevalence among the test films ({evaluation.calibration.prevalence:.0%}): Brier score "
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
