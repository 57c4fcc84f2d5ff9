"""`doctor --gpu`: the devices of this host score as its CPU does; where there is no GPU it says so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from db.database import Database
from domain.bundle.bundle import open_bundle
from tbscreen.doctor import gpu_proof
from tbscreen.doctor.gpu_proof import GPU_BATCHES, Proof, draw_proof, find_bundle, prove
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tbscreen.settings import load_settings
from tests.unit.tbscreen.conftest import Cli
from tests.unit.worker.conftest import register
from tests.unit.worker.networks import write_network
from worker.runtimes.devices import CPU, list_devices, measure_memory, name_backend

HAS_GPU = any(device.is_gpu for device in list_devices())


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Proof:
    """Of a small network."""
    return prove(write_network(tmp_path_factory.mktemp("small"), weight=4.0), measured_s=0.05)


def test_the_cpu_is_always_a_device_and_the_last() -> None:
    devices = list_devices()
    assert devices[-1].name == CPU
    assert all(device.is_gpu for device in devices[:-1])
    assert "cores" in devices[-1].description
    memory = measure_memory(devices[-1])
    assert memory.taken is not None
    assert memory.total is not None
    assert 10e6 < memory.taken < memory.total
    assert name_backend().startswith("tensorflow 2.")


def test_devices_and_worker_score_as_the_cpu_does(proof: Proof) -> None:
    assert [device.device for device in proof.devices][-2:] == [CPU, "worker"]
    assert proof.devices[-2].difference == 0.0
    assert all(device.agrees for device in proof.devices)
    assert all(speed.films_per_second > 0 for device in proof.devices for speed in device.speeds)
    assert (proof.bundle, proof.arrays, proof.has_gpu) == ("small 1.0", 32, HAS_GPU)


@pytest.mark.skipif(HAS_GPU, reason="this host has a GPU")
def test_a_host_without_a_gpu_is_told_so_and_what_to_do(proof: Proof) -> None:
    text = _show(proof)
    assert not proof.holds
    assert "no GPU: Keras with tensorflow" in text
    assert "tensorflow[and-cuda]" in text
    assert "KERAS_BACKEND=jax" in text
    assert "proven" not in text


@pytest.mark.skipif(not HAS_GPU, reason="this host has no GPU")
def test_a_gpu_is_proven(proof: Proof) -> None:
    assert proof.holds
    assert [speed.batch for speed in proof.devices[0].speeds] == list(GPU_BATCHES)
    assert proof.devices[0].memory_taken
    assert "proven" in _show(proof)


def test_a_device_that_scores_otherwise_is_named(proof: Proof) -> None:
    gpu = replace(proof.devices[0], device="gpu:0", difference=0.02)
    wrong = replace(proof, devices=(gpu, *proof.devices), has_gpu=True)
    assert not wrong.holds
    assert "gpu:0 scores up to 0.0200 from the CPU's; 0.01 is allowed" in _show(wrong)
    right = replace(wrong, devices=(replace(gpu, difference=0.009), *proof.devices))
    assert right.holds
    assert "proven: every score lies within 0.01" in _show(right)


def test_the_bundle_is_the_one_named_or_the_active_or_the_shipped_one(
    installed: Database, place: Path
) -> None:
    settings = load_settings()
    bundle = write_network(place / "bundle", weight=2.0)
    with find_bundle(settings, None) as found:
        assert found.digest == open_bundle(DEFAULT_BUNDLE).digest
    register(installed, bundle)
    with find_bundle(settings, None) as found:
        assert found.digest == bundle.digest
    with find_bundle(settings, DEFAULT_BUNDLE) as found:
        assert found.directory == DEFAULT_BUNDLE


@pytest.mark.parametrize("url", [None, "postgresql://me:s3cret@127.0.0.1:1/name"])
def test_without_a_database_it_is_the_shipped_bundle(
    place: Path, url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if url is not None:
        monkeypatch.setenv("TBSCREEN_DATABASE_URL", url)
    with find_bundle(load_settings(), None) as found:
        assert found.directory == DEFAULT_BUNDLE
    assert not (place / "data" / "tbscreen.sqlite3").exists()


def test_the_command_prints_json_and_its_status_says_whether_it_is_proven(
    quick_cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_proof, "MEASURED_S", 0.05)
    write_network(place / "bundle")
    run = quick_cli("doctor", "--gpu", "--bundle", "bundle", "--json")
    document = json.loads(run.stdout)
    assert run.returncode == (0 if document["holds"] else 1)
    assert document["has_gpu"] == HAS_GPU
    assert {speed["batch"] for speed in document["devices"][-1]["speeds"]} == {1, 8, 32}


def test_its_options_go_with_gpu(quick_cli: Cli) -> None:
    run = quick_cli("doctor", "--json")
    assert (run.returncode, run.stderr) == (1, "tbscreen: --bundle and --json go with --gpu\n")


def _show(proof: Proof) -> str:
    console = Console(width=140, force_terminal=False)
    with console.capture() as capture:
        console.print(draw_proof(proof), highlight=False, markup=False)
    return " ".join(capture.get().split())
