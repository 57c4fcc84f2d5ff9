"""The bundle of a first installation says that it is untrained, and is always the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dicom_gateway.normalization import SPEC
from tbscreen.default_bundle import DEFAULT_BUNDLE
from training.untrained import write_untrained
from worker.bundle import open_bundle
from worker.predictor import Predictor


def test_an_untrained_bundle_is_written_opens_and_says_so(tmp_path: Path) -> None:
    written = write_untrained(tmp_path / "bundle")
    opened = open_bundle(tmp_path / "bundle")
    assert opened == written
    assert opened.manifest.trained is False
    assert "untrained" in opened.manifest.version
    assert "the score means nothing" in opened.manifest.notes
    assert opened.manifest.metrics == {}
    assert opened.manifest.normalization == SPEC.to_manifest()


def test_it_scores_as_the_shipped_one_does(tmp_path: Path) -> None:
    films = np.random.default_rng(5).random((2, SPEC.rows, SPEC.columns), dtype=np.float32)
    written = Predictor(write_untrained(tmp_path / "bundle")).predict(films)
    shipped = Predictor(open_bundle(DEFAULT_BUNDLE)).predict(films)
    assert np.allclose(written, shipped, atol=1e-6)
