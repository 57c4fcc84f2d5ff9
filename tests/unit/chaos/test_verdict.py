"""The judge of the proof sees each thing that can go wrong, and nothing where nothing is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from chaos.message_verdict import MessageEvidence
from chaos.verdict import Evidence, FilmRecord, Verdict, judge

GOOD = FilmRecord(1, "screened", None, 1, ("report",), (("pacs", "report"),))
FIRST, SECOND = (b"MSH|^~\\&|||||||ORU|%d|P" % number for number in (1, 2))
REFUSED = FilmRecord(1, "refused", "processing_failed", 0, (), ())


def evidence(film: FilmRecord | None = GOOD, *pacs: str, poisoned: bool = False) -> Evidence:
    films = {} if film is None else {"film": film}
    return Evidence({"film"}, {"film"} if poisoned else set(), films, Counter(pacs))


def told(made: list[tuple[str, str, bytes]], *came: bytes) -> Evidence:
    return replace(evidence(GOOD, "report"), messages=MessageEvidence(made, came))


def names(verdict: Verdict) -> set[str]:
    fields = ("lost", "duplicated", "strangers", "poison_survived", "struck_out", "stuck")
    return {name for name in fields if getattr(verdict, name)}


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        (evidence(GOOD, "report"), set()),
        (evidence(REFUSED, poisoned=True), set()),
        (evidence(None), {"lost"}),
        (evidence(GOOD), {"lost"}),
        (evidence(replace(GOOD, reports=(), delivered=())), {"lost"}),
        (evidence(replace(GOOD, state="queued", screenings=0, reports=(), delivered=())), {"lost"}),
        (evidence(GOOD, "report", "report"), {"duplicated"}),
        (evidence(replace(GOOD, screenings=2), "report"), {"duplicated", "lost"}),
        (evidence(replace(GOOD, rows=2), "report"), {"duplicated"}),
        (evidence(replace(GOOD, reports=("report", "b")), "report", "b"), {"duplicated"}),
        (evidence(replace(GOOD, delivered=(("pacs", "report"),) * 2), "report"), {"duplicated"}),
        (evidence(replace(GOOD, delivered=(("pacs", "report"), ("web", "report"))), "report"), set()),
        (replace(evidence(GOOD, "report"), other_pacs=(Counter(),)), {"lost"}),
        (replace(evidence(GOOD, "report"), other_pacs=(Counter({"report": 2}),)), {"duplicated"}),
        (replace(evidence(GOOD, "report"), other_pacs=(Counter(["report", "x"]),)), {"strangers"}),
        (evidence(replace(REFUSED, screenings=1), poisoned=True), {"duplicated"}),
        (evidence(GOOD, "report", "somebody's"), {"strangers"}),
        (evidence(GOOD, "report", poisoned=True), {"poison_survived"}),
        (evidence(REFUSED), {"struck_out"}),
        (replace(evidence(GOOD, "report"), waiting={"outbox": 1}), {"stuck"}),
        (told([("film", "1", FIRST)], FIRST, FIRST), set()),
        (told([("film", "1", FIRST)]), {"lost"}),
        (told([], FIRST), {"lost", "strangers"}),
        (told([("film", "1", FIRST)], FIRST + b"|"), {"lost"}),
        (told([("film", "1", FIRST)], FIRST, FIRST + b"|"), {"duplicated"}),
        (told([("film", "1", FIRST), ("film", "2", SECOND)], FIRST, SECOND), {"duplicated"}),
    ],
)
def test_each_wrong_is_called_by_its_name(seen: Evidence, wrong: set[str]) -> None:
    verdict = judge(seen)
    assert names(verdict) == wrong
    assert verdict.is_good == (not wrong)


def test_each_film_with_success_has_one_end() -> None:
    waiting = evidence(replace(GOOD, state="queued", screenings=0, reports=(), delivered=()))
    ends = [judge(evidence(GOOD, "report")), judge(evidence(REFUSED)), judge(waiting)]
    ends.append(judge(replace(waiting, conflicts={"film"})))
    counts = [(end.results, end.refusals, end.conflicts, end.answered) for end in ends]
    assert counts == [(1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 0, 1), (0, 0, 1, 1)]
