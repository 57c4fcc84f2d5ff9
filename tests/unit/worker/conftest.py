"""Bundles and their loaded networks, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from db.database import Database
from db.models import bundles
from domain.bundle.bundle import Bundle, open_bundle, read_files
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tests.unit.worker.networks import MANIFEST, write_network

if TYPE_CHECKING:
    from worker.predictor import Predictor


@pytest.fixture(scope="session")
def shipped() -> Predictor:
    """The loaded network of the bundle that comes with tbscreen."""
    from worker.predictor import Predictor

    return Predictor(open_bundle(DEFAULT_BUNDLE))


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A trained bundle whose score is sigmoid(4 · mean of the film)."""
    return write_network(tmp_path_factory.mktemp("small"), weight=4.0)


@pytest.fixture(scope="session")
def other_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A trained bundle that takes arrays of another normalization; its score is sigmoid(-4 · mean)."""
    return write_network(
        tmp_path_factory.mktemp("other"), weight=-4.0, name="other", normalization={"version": "another"}
    )


@pytest.fixture(scope="session")
def later_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of manifest format 2 with unknown keys; its score is sigmoid(4 · mean)."""
    points = [{**point, "hospitals": 3} for point in MANIFEST["operating_points"]]
    further = {"format": 2, "operating_points": points, "golden_scores": {"films": [0.5]}}
    return write_network(tmp_path_factory.mktemp("later"), weight=4.0, **further)


def register(database: Database, bundle: Bundle, *, active: bool = True) -> None:
    """Store a bundle in a database."""
    with database.write() as session:
        manifest = bundle.manifest.model_dump(mode="json")
        bundles.register(session, bundle.digest, manifest, read_files(bundle))
        if active:
            bundles.mark_active(session, bundle.digest)
