"""`make release`, and the wheel in an empty environment.

The new environment holds the wheel alone. A `.pth` file adds the dependencies of the running environment,
because installing TensorFlow anew takes minutes and 2 GB. So a test compares the requirements of the wheel
and its extras with the installed versions.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tbscreen.dossier.documents import DOCUMENTS
from tests.checkout import ROOT
from tests.phantom import draw_phantom

EXTRAS = ("demo", "openvino", "tracing", "training", "worker")
NOT_PACKED = {"db/migrations/previous.toml"}
"""Files of the rooms that only tests read."""

CHECK = """
import sys
from importlib.metadata import distribution
from packaging.requirements import Requirement

def list_unmet(name, extras, seen):
    found = distribution(name)
    for text in found.requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in extras or ("",)):
            continue
        key = (requirement.name, *sorted(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        if not requirement.specifier.contains(distribution(requirement.name).version, prereleases=True):
            yield f"{name}: {text}"
        yield from list_unmet(requirement.name, tuple(requirement.extras), seen)

seen = set()
print("\\n".join(list_unmet("tbscreen", tuple(sys.argv[1:]), seen)), end="")
assert len(seen) > 60, "this check sees requirements"
"""


def list_room_files() -> list[str]:
    """Return the files of the rooms that are, or are about to be, under version control."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        patterns = tomllib.load(file)["tool"]["setuptools"]["packages"]["find"]["include"]
    rooms = [pattern.removesuffix("*") for pattern in patterns]
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *rooms]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("this is no git checkout")
    return sorted(name for name in listing.stdout.split("\0") if (ROOT / name).is_file())


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make release` makes, in a copy of the checkout."""
    copy = tmp_path_factory.mktemp("release")
    documents = [document.source for document in DOCUMENTS]
    for name in [*list_room_files(), *documents, "LICENSE", "Makefile", "README.md", "pyproject.toml"]:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    shutil.copyfile(ROOT / "requirements" / "dev.lock", copy / "requirements" / "dev.lock")
    binaries = Path(sys.executable).parent
    run(copy, "make", "--old-file=setup", "release", f"BIN={binaries}")
    return copy / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """The one wheel."""
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a virtual environment with the wheel and a path to our dependencies."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place / "venv")
    python = place / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    run(place, *pip, "install", "--no-deps", "--no-index", str(wheel))
    words = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(place, str(python), "-c", words).strip())
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def run(place: Path, *words: str) -> str:
    """Run a command that must succeed, without this checkout on its path; returns what it printed."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONPATH" and not name.startswith("TBSCREEN_")
    }
    values = {**clean, "TBSCREEN_DATA_DIRECTORY": str(place / "data")}
    done = subprocess.run(
        words, cwd=place, env=values, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_made_from_the_sdist_holds_every_file_of_the_rooms_but_those_of_tests(
    dist: Path, wheel: Path
) -> None:
    files = set(list_room_files())
    assert files > NOT_PACKED
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not re.match(r"[^/]+\.(dist-info|data)/", name)}
        assert packed == files - NOT_PACKED
        assert [name for name in packed if archive.read(name) != (ROOT / name).read_bytes()] == []
    assert packed <= inside


def test_each_requirement_of_the_wheel_is_met(environment: Path, tmp_path: Path) -> None:
    assert run(tmp_path, str(environment / "python"), "-c", CHECK, *EXTRAS) == ""


def test_the_installed_wheel_says_its_version_migrates_a_database_and_writes_a_dossier(
    environment: Path, tmp_path: Path
) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert run(tmp_path, str(environment / "tbscreen"), "--version") == f"tbscreen {version}\n"
    where = "import tbscreen, domain; print(tbscreen.__file__, domain.__file__)"
    for place in run(tmp_path, str(environment / "python"), "-c", where).split():
        assert Path(place).is_relative_to(environment.parent)
    run(tmp_path, str(environment / "tbscreen"), "db", "upgrade")
    run(tmp_path, str(environment / "tbscreen"), "dossier", "out")
    for document in DOCUMENTS:
        written = (tmp_path / "out" / document.name).read_bytes()
        assert written == (ROOT / document.source).read_bytes(), "the wheel has the documents"


def test_the_installed_wheel_scores_a_film(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "film.jpg").write_bytes(draw_phantom(1, (0.3, 0.3, 0.1), 512))
    record = json.loads(run(tmp_path, str(environment / "tbscreen"), "predict", "film.jpg", "--json"))
    assert 0.0 < record["score"] < 1.0
    assert record["model"].startswith("tbscreen-default")
