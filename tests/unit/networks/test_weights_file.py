"""Weights are numbers in their file: nothing of another file, and not more than fits."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from domain.bundle.bundle import Bundle
from domain.bundle.manifest import WEIGHTS
from domain.errors import PermanentError
from networks import weights_file
from networks.weights_file import check_weights
from worker.runtimes.keras_runtime import build_model


def link_elsewhere(file: Any) -> None:
    file["stolen"] = h5py.ExternalLink("secret.h5", "/numbers")


def link_within(file: Any) -> None:
    file["again"] = h5py.SoftLink("/_layer_checkpoint_dependencies")


def lie_elsewhere(file: Any) -> None:
    file.create_dataset("stolen", shape=(4,), dtype="u1", external=[("/etc/hostname", 0, 4)])


def be_elsewhere(file: Any) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="u1")
    layout[:] = h5py.VirtualSource("secret.h5", "numbers", shape=(4,))
    file.create_virtual_dataset("stolen", layout)


def be_a_bomb(file: Any) -> None:
    file.create_dataset("bomb", shape=(10**6, 10**6), dtype="f4", chunks=(1000, 1000), compression="gzip")


def hold_itself(file: Any) -> None:
    file["around"] = file["/"]


def hold_a_type(file: Any) -> None:
    file["kind"] = np.dtype("f4")


def hold_text(file: Any) -> None:
    file["text"] = "numbers"


@pytest.mark.parametrize(
    "change",
    [
        link_elsewhere,
        link_within,
        lie_elsewhere,
        be_elsewhere,
        be_a_bomb,
        hold_itself,
        hold_a_type,
        hold_text,
    ],
    ids=lambda function: function.__name__,
)
def test_weights_that_are_more_than_numbers_of_their_own_are_refused(
    change: Callable[[Any], None], small_bundle: Bundle, tmp_path: Path
) -> None:
    weights = tmp_path / WEIGHTS
    shutil.copy(small_bundle.directory / WEIGHTS, weights)
    check_weights(weights)
    with h5py.File(weights, "a") as file:
        change(file)
    assert weights.stat().st_size < 1_000_000
    with pytest.raises(PermanentError, match=WEIGHTS):
        build_model((small_bundle.directory / "model_structure.json").read_text(), weights)


def test_what_is_no_hdf5_file_is_an_error_of_the_file(tmp_path: Path) -> None:
    (tmp_path / WEIGHTS).write_bytes(b"PK\x03\x04" * 100)
    with pytest.raises(OSError, match="file signature"):
        check_weights(tmp_path / WEIGHTS)


def test_weights_are_counted_as_they_are_when_read(
    small_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_file, "MAX_FILE_BYTES", 7)
    with pytest.raises(PermanentError, match="8 bytes when decompressed"):  # one weight and its bias
        check_weights(small_bundle.directory / WEIGHTS)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(small_bundle: Bundle, tmp_path: Path, value: float) -> None:
    weights = tmp_path / WEIGHTS
    shutil.copy(small_bundle.directory / WEIGHTS, weights)
    with h5py.File(weights, "a") as file:
        file[find_bias(file)][0] = value
    with pytest.raises(PermanentError, match="not finite numbers"):
        build_model((small_bundle.directory / "model_structure.json").read_text(), weights)


def find_bias(file: Any) -> str:
    """Return the name of the small network's bias, its one array of one dimension."""
    found: list[str] = []
    file.visititems(
        lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) and item.ndim == 1 else None
    )
    (name,) = found
    return name
