from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.films.film_store import fill_store
from training.films.labelled_film import Box, Label, LabelledFilm
from training.learning.film_sampler import FilmSampler, mark_cells, weigh_films


def make_film(source: str, label: Label, number: int = 0, boxes: tuple[Box, ...] = ()) -> LabelledFilm:
    return LabelledFilm(Path(f"{source}-{label}-{number}.png"), label, source, f"{number:032x}", boxes=boxes)


def test_half_of_the_draws_are_tb_and_same_source_films_come_four_times_as_often() -> None:
    box = (Box(10, 10, 20, 20),)
    films = [
        make_film("mixed", Label.TB),
        make_film("boxed", Label.TB, boxes=box),
        make_film("tb only", Label.TB),
        make_film("mixed", Label.NORMAL),
        make_film("ill only", Label.OTHER),
    ]
    chances = weigh_films(films)
    assert chances.sum() == pytest.approx(1)
    assert chances[:3].sum() == pytest.approx(0.5)
    assert chances[0] / chances[1] == pytest.approx(4)
    assert chances[2] / chances[1] == pytest.approx(0.5)
    assert chances[3] / chances[4] == pytest.approx(2), "8 by its source, and 3 times as many ill as that"


def test_half_of_the_films_without_tb_are_ill_where_there_are_enough() -> None:
    films = [
        make_film("mixed", Label.TB),
        *(make_film("mixed", Label.NORMAL, number) for number in range(9)),
        *(make_film("ill only", Label.OTHER, number) for number in range(30)),
    ]
    chances = weigh_films(films)
    assert chances[1:10].sum() == pytest.approx(0.25)
    assert chances[10:].sum() == pytest.approx(0.25)


def test_one_class_alone_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="both classes"):
        weigh_films([make_film("a", Label.TB)])


def test_cells_of_a_box() -> None:
    lesions = np.zeros((256, 256), np.float32)
    lesions[16 + 16 : 16 + 32, 16 + 32 : 16 + 48] = 1  # the whole of cell (1, 2)
    lesions[16 + 48 : 16 + 52, 16 + 32 : 16 + 48] = 1  # a quarter of cell (3, 2)
    lesions[16 + 64 : 16 + 65, 16 + 32 : 16 + 48] = 1  # a sixteenth of cell (4, 2)
    cells = mark_cells(lesions)
    assert cells.shape == (14, 14)
    assert cells[1, 2] == 1
    assert cells[3, 2] == -1
    assert cells[4, 2] == 0
    assert (cells == 0).sum() == 196 - 2


@pytest.fixture(name="sampler_of")
def make_sampler(tmp_path: Path):  # type: ignore[no-untyped-def]
    from PIL import Image

    films = []
    kinds = [("a", Label.TB, (Box(60, 60, 120, 120),)), ("b", Label.TB, ()), ("b", Label.NORMAL, ())]
    for number, (source, label, boxes) in enumerate(kinds * 2):
        path = tmp_path / f"{number}.png"
        greys = np.random.default_rng(number).integers(0, 256, (256, 256), np.uint8)
        Image.fromarray(greys).save(path)
        films.append(LabelledFilm(path, label, source, f"{number:032x}", boxes=boxes))
    filled = fill_store([film.path for film in films], tmp_path / "cache")
    store = filled.store.select([filled.positions[film.path] for film in films])

    def build(epoch: int, seed: int = 1) -> FilmSampler:
        return FilmSampler(films, store, range(len(films)), batch=16, batches=3, seed=seed, epoch=epoch)

    return build


def test_batches_have_their_shapes_and_ranges(sampler_of) -> None:  # type: ignore[no-untyped-def]
    films, targets = sampler_of(0)[0]
    assert films.shape == (16, 256, 256, 1)
    assert films.dtype == np.float32
    assert 0 <= films.min() <= films.max() <= 1
    assert set(np.unique(targets["tuberculosis"])) == {0.0, 1.0}
    assert set(np.unique(targets["cells"])) == {-1.0, 0.0, 1.0}


def test_a_batch_follows_from_seed_epoch_and_number_alone(sampler_of) -> None:  # type: ignore[no-untyped-def]
    again = sampler_of(2)
    again[0]  # another batch before it changes nothing
    assert np.array_equal(sampler_of(2)[1][0], again[1][0])
    assert not np.array_equal(sampler_of(2)[1][0], sampler_of(1)[1][0])
    assert not np.array_equal(sampler_of(2)[1][0], sampler_of(2, seed=2)[1][0])


def test_cells_are_unknown_only_for_tb_without_boxes(sampler_of) -> None:  # type: ignore[no-untyped-def]
    for number in range(3):
        _, targets = sampler_of(0)[number]
        for is_tb, cells in zip(targets["tuberculosis"], targets["cells"], strict=True):
            if is_tb[0] == 0:
                assert np.all(cells == 0)
            else:
                assert np.all(cells == -1) or np.any(cells == 1) or np.all(cells <= 0)
