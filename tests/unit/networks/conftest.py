"""A bundle with a small network."""

from __future__ import annotations

import pytest

from domain.bundle.bundle import Bundle
from tests.unit.worker.networks import write_network


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A trained bundle whose score is sigmoid(4 · mean of the film)."""
    return write_network(tmp_path_factory.mktemp("small"), weight=4.0)
