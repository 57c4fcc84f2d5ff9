"""`tbscreen models import`: the tutorial's two files become a registered bundle that says what it is."""

from __future__ import annotations

import json
from pathlib import Path

from db.database import Database
from domain.bundle.bundle import open_bundle
from tests.unit.tbscreen.conftest import Cli, assert_one_line
from tests.unit.training import keras2_files
from tests.unit.training.test_tutorial_model import make_scratch


def test_a_keras_2_model_is_registered_and_says_where_it_comes_from(
    quick_cli: Cli, installed: Database, tmp_path: Path
) -> None:
    structure, weights = keras2_files.write_files(tmp_path, *make_scratch())
    run = quick_cli("models", "import", str(structure), str(weights), "--name", "ours")
    assert run.returncode == 0, run.stderr
    assert "registered" in run.stdout
    assert "nearest neighbour" in run.stdout
    digest = run.stdout.split()[0]
    shown = json.loads(quick_cli("models", "show", digest, "--json").stdout)
    assert "nearest neighbour" in json.dumps(shown)


def test_a_bundle_may_be_written_instead(quick_cli: Cli, tmp_path: Path) -> None:
    structure, weights = keras2_files.write_files(tmp_path, *make_scratch())
    run = quick_cli("models", "import", str(structure), str(weights), "--out", "bundle")
    assert run.returncode == 0, run.stderr
    assert open_bundle(Path("bundle")).manifest.architecture == "tutorial"


def test_a_model_that_runs_code_is_refused(quick_cli: Cli, tmp_path: Path) -> None:
    graph, weights = make_scratch()
    graph["config"]["layers"].append({"class_name": "Lambda", "config": {"name": "evil", "function": "…"}})
    structure, file = keras2_files.write_files(tmp_path, graph, weights)
    run = quick_cli("models", "import", str(structure), str(file), "--out", "bundle")
    assert_one_line(run, "Lambda")
