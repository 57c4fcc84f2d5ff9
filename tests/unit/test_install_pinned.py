"""The installation of pinned packages says how far it is, and why it failed."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from tests.checkout import ROOT

SCRIPT = ROOT / "requirements" / "install_pinned.py"

SAID = """\
Collecting absl-py==2.3.1 (from -r requirements/dev.lock (line 7))
  Downloading absl_py-2.3.1-py3-none-any.whl (135 kB)
Collecting alembic==1.17.2 (from -r requirements/dev.lock (line 10))
"""


def test_progress_is_told_for_each_phase() -> None:
    spec = spec_from_file_location("install_pinned", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.describe("", 1, 90) == "fetched 0 of 90 packages"
    assert module.describe(SAID, 1, 90) == "fetched 1 of 90 packages: alembic"
    local = f"{SAID}Processing /srv/typing_extensions-4.15.0-py3-none-any.whl (from -r dev.lock)\n"
    assert module.describe(local, 1, 90).endswith(": typing_extensions")
    assert (
        module.describe(f"{SAID}Installing collected packages: absl-py", 41, 90)
        == "installed 41 of 90 packages"
    )


def test_a_package_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "dev.lock"
    lock.write_text("rich==14.0.0 --hash=sha256:" + "0" * 64)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(lock)],
        env={**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_IGNORE_INSTALLED": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "No matching distribution found for rich==14.0.0" in done.stderr
