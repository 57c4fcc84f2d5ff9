"""Reads by reader: how many, and agreement with the model and with other readers beyond chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from db.counts.reader_reads import ReaderRead
from domain.codes import Verdict
from domain.languages.sentence import say, say_of
from figures.text_table import TextTable
from judging.kappa import measure_kappa
from judging.statistics import Estimate
from judging.wording import NOTHING
from reports.figures import ReaderFigures
from reports.wording import write_count

NOTE = say(
    "Newest read of each reader on each study. Cohen's kappa with its 95 % interval (Fleiss 1969): 0 is "
    "chance, 1 full agreement; unsure reads are left out. Readers who saw the result agree with it more."
)


def measure_readers(reads: Iterable[ReaderRead]) -> tuple[ReaderFigures, ...]:
    """Return the figures of each reader, by name.

    Args:
        reads: those of the same study follow each other.
    """
    verdicts: dict[str, Counter[str]] = {}
    with_model: dict[str, list[tuple[bool, bool]]] = {}
    with_others: dict[str, list[tuple[bool, bool]]] = {}
    for _, group in groupby(reads, key=lambda read: read.study_id):
        of_study = list(group)
        for read in of_study:
            counts = verdicts.setdefault(read.reader, Counter())
            counts.update([read.verdict.value, *(["blinded"] if read.blinded else [])])
            if read.verdict is Verdict.UNSURE:
                continue
            is_tb = read.verdict is Verdict.TB
            with_model.setdefault(read.reader, []).append((is_tb, read.positive))
            with_others.setdefault(read.reader, []).extend(
                (is_tb, other.verdict is Verdict.TB)
                for other in of_study
                if other.reader != read.reader and other.verdict is not Verdict.UNSURE
            )
    return tuple(
        ReaderFigures(
            reader=name,
            reads=sum(counts[verdict.value] for verdict in Verdict),
            tb=counts[Verdict.TB.value],
            not_tb=counts[Verdict.NOT_TB.value],
            unsure=counts[Verdict.UNSURE.value],
            blinded=counts["blinded"],
            kappa_with_model=measure_kappa(with_model.get(name, ())),
            shared_studies=len(with_others.get(name, ())),
            kappa_with_others=measure_kappa(with_others.get(name, ())),
        )
        for name, counts in sorted(verdicts.items())
    )


def tabulate_readers(readers: Sequence[ReaderFigures]) -> list[TextTable]:
    """Return the table of readers; none without reads."""
    if not readers:
        return []
    columns = (
        say("reader"),
        say_of("number", "reads"),
        say("TB"),
        say("not TB"),
        say("unsure"),
        say("blinded"),
        say("kappa with AI"),
        say("kappa with others"),
    )
    rows = [
        (
            figures.reader,
            *(
                write_count(number)
                for number in (figures.reads, figures.tb, figures.not_tb, figures.unsure, figures.blinded)
            ),
            _write_kappa(figures.kappa_with_model),
            _write_kappa(figures.kappa_with_others, figures.shared_studies),
        )
        for figures in readers
    ]
    return [TextTable(say("By reader"), columns, rows, NOTE)]


def _write_kappa(kappa: Estimate | None, number: int | None = None) -> str:
    if kappa is None:
        return NOTHING
    written = f"{kappa.value:.2f} ({kappa.low:.2f}–{kappa.high:.2f})"
    return written if number is None else say("{kappa}, {number:,} pairs", kappa=written, number=number)
