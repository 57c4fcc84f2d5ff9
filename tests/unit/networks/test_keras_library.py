from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.source_files import list_python_files
from tests.unit.worker.networks import write_network

LOADING = "from networks.keras_library import load_keras; load_keras()"


def run_python(program: str, first_on_path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program as a newcomer would: no variable tells TensorFlow or Keras anything."""
    told = ("TF_", "KERAS_", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(told)}
    path = [str(folder) for folder in (first_on_path, ROOT) if folder is not None]
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def write_keras(folder: Path, text: str) -> Path:
    (folder / "keras.py").write_text(f"import os\nos.write(2, b'not this CPU\\n')\n{text}\n", "utf-8")
    return folder


def test_the_libraries_print_nothing_when_they_are_loaded_and_when_a_network_runs(tmp_path: Path) -> None:
    bundle = write_network(tmp_path / "bundle", weight=4.0)
    done = run_python(
        f"{LOADING}\nimport pathlib, numpy, worker.predictor as predictor\n"
        "from domain.bundle.bundle import open_bundle\n"
        f"loaded = predictor.Predictor(open_bundle(pathlib.Path({str(bundle.directory)!r})))\n"
        "print(len(loaded.predict(numpy.zeros((1, 256, 256), 'float32'))))"
    )
    assert (done.stdout[-2:], done.stderr, done.returncode) == ("1\n", "", 0)


def test_what_a_failed_import_printed_is_shown(tmp_path: Path) -> None:
    done = run_python(LOADING, write_keras(tmp_path, "raise ImportError('libtensorflow.so is damaged')"))
    assert done.returncode == 1
    assert "not this CPU" in done.stderr
    assert "libtensorflow.so is damaged" in done.stderr


def test_what_was_printed_before_the_import_ended_the_process_is_shown(tmp_path: Path) -> None:
    done = run_python(LOADING, write_keras(tmp_path, "os.abort()"))
    assert done.returncode < 0
    assert "not this CPU" in done.stderr


def test_standard_error_is_as_before_once_keras_is_loaded(tmp_path: Path) -> None:
    program = f"{LOADING}\nimport os, sys\nos.write(2, b'direct ')\nprint('and printed', file=sys.stderr)"
    done = run_python(program, write_keras(tmp_path, ""))
    assert done.stderr == "direct and printed\n"


@pytest.mark.parametrize("library", ["keras", "tensorflow"])
def test_no_other_module_imports(library: str) -> None:
    """Any other module would print the lines again, wherever it is imported first.

    `fused_adam` imports TensorFlow when Keras has. `benchmarks/peers` is written as somebody else would.
    """
    alone = {"keras": {"keras_library.py"}, "tensorflow": {"tensorflow_backend.py", "fused_adam.py"}}[library]
    found = {
        path.name
        for path in list_python_files()
        if not any(path.is_relative_to(ROOT / other) for other in ("tests", "benchmarks/peers"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Import) and any(name.name.split(".")[0] == library for name in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == library)
    }
    assert found == alone
