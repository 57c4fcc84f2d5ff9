"""Films with scores, and their table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.training.synthetic_films import draw_films, film, scored
from training.judging.scored_films import ScoredFilmsError, from_csv, gather

HEAD = "digest,part,source,label,score\n"
DIGEST = "0" * 31 + "a"


def test_films_are_gathered_with_what_is_known_of_them() -> None:
    films = gather(
        [film(1, "tb", "a", sex="F", age=40, view="PA", patient="Doe"), film(2, "other", "b")],
        ["train", "test"],
        [np.nan, 0.25],
    )
    assert films.is_tb.tolist() == [True, False]
    assert films.sex.tolist() == ["F", ""]
    assert films.views.tolist() == ["PA", ""]
    assert films.ages[0] == 40
    assert np.isnan(films.ages[1])
    assert np.isnan(films.scores[0])
    assert films.scores[1] == 0.25
    assert films.select_part("test").sources.tolist() == ["b"]


def test_the_table_reads_back_exactly() -> None:
    films = draw_films()
    back = from_csv(films.to_csv())
    for name in ("digests", "parts", "sources", "labels"):
        assert getattr(back, name).tolist() == getattr(films, name).tolist()
    np.testing.assert_array_equal(back.scores, films.scores)
    assert back.to_csv() == films.to_csv()


def test_the_table_tells_nothing_of_patients_and_no_path() -> None:
    quoted = film(10, "tb", 'a "quoted", source', sex="F", age=40, view="PA", patient="Doe")
    text = gather([quoted], ["train"], [np.nan]).to_csv()
    assert text == HEAD + f'{DIGEST},train,"a ""quoted"", source",tb,\n'
    assert from_csv(text).sources.tolist() == ['a "quoted", source']


def test_an_empty_table_is_no_films() -> None:
    assert len(from_csv(HEAD)) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begin with the columns"),
        ("digest,score\n", "begin with the columns"),
        (HEAD + f"{DIGEST},test,a,tb\n", "line 2: 4 columns instead of 5"),
        (HEAD + f"{DIGEST},test,a,tb,0.5\n../../etc,test,a,tb,0.5\n", "line 3: the digest"),
        (HEAD + f"{DIGEST},test,a,tb,high\n", "line 2: the score is not a number"),
        (HEAD + f"{DIGEST},test,a,flu,0.5\n", "'flu' is not a label; use one of tb, normal, other"),
        (HEAD + f"{DIGEST},exam,a,tb,0.5\n", "'exam' is not a part"),
        (HEAD + f"{DIGEST},test,a,tb,1.5\n", "outside 0..1"),
    ],
)
def test_what_is_no_such_table_is_refused(text: str, said: str) -> None:
    with pytest.raises(ScoredFilmsError, match=said):
        from_csv(text)


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ScoredFilmsError, match="differ in length"):
        replace(scored(("a", "tb", 0.5)), scores=np.array([0.1, 0.2]))
