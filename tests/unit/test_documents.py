"""Links, paths and modules that the documents name exist."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import DOCS, ROOT

DOCUMENTS = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "docker" / "README.md",
    *sorted(DOCS.rglob("*.md")),
)
DECISIONS = DOCS / "decisions"
LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MODULE = re.compile(r"python3? -m ([a-z_0-9.]+)")
OUTSIDE = {"pip", "venv", "pytest", "pynetdicom"}


def list_anchors(text: str) -> set[str]:
    """Return the anchors that headings make, as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def list_paths(text: str) -> Iterator[str]:
    """Yield what stands in backticks and begins with a folder or package of the repository."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    for quoted in QUOTED.findall(FENCE.sub("", text)):
        path = re.match(r"([A-Za-z_0-9.-]+)/[A-Za-z_0-9./-]*", quoted)
        if path is not None and path[0] == quoted and path[1] in folders:
            yield quoted.split("::")[0]


def find_broken_links(document: Path) -> list[str]:
    """Return the links of a document that lead to no file or to no heading of it."""
    broken = []
    for link in LINK.findall(document.read_text("utf-8")):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = document.parent / file if file else document
        if not target.exists() or (anchor and anchor not in list_anchors(target.read_text("utf-8"))):
            broken.append(link)
    return broken


def test_the_changelog_s_links_lead_somewhere() -> None:
    assert find_broken_links(ROOT / "CHANGELOG.md") == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    missing = find_broken_links(document)
    if document.parent != DECISIONS:  # a record names what was there on its day
        missing += [path for path in list_paths(text) if not (ROOT / path).exists()]
    for module in MODULE.findall(text):
        place = ROOT.joinpath(*module.rstrip(".").split("."))
        if module not in OUTSIDE and not place.with_suffix(".py").exists() and not place.is_dir():
            missing.append(module)
    assert missing == []


def test_the_readme_follows_a_film_through_files_that_exist() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 130
    followed = re.findall(r"\b[a-z_]+/[a-z_/]+\.py\b", text)
    assert len(followed) > 15
    assert [path for path in followed if not (ROOT / path).is_file()] == []


def test_architecture_describes_every_room_at_its_level() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    levels = {
        room: str(len(layers) - place) for place, layer in enumerate(layers) for room in layer.split(" | ")
    }
    text = (DOCS / "architecture.md").read_text("utf-8")
    assert {
        room: level for level, room in re.findall(r"^\| (\d) \| `(\w+)/` \|", text, re.MULTILINE)
    } == levels
    assert " → ".join(layers) in " ".join(text.split())


def test_every_document_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text("utf-8")
    listed = {(DOCS / link.partition("#")[0]).resolve() for link in LINK.findall(index) if "://" not in link}
    documents = {path for path in DOCS.rglob("*.md") if path.parent != DECISIONS}
    assert documents - listed == {DOCS / "README.md"}
    assert DECISIONS / "README.md" in listed


def test_decisions_are_short_dated_and_in_their_index() -> None:
    index = (DECISIONS / "README.md").read_text("utf-8")
    records = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")
    assert re.findall(r"^\| (\S+) \| \[(.+)\]\((.+)\) \|$", index, re.MULTILINE) == [
        (path.name[:10], path.read_text("utf-8").splitlines()[0].removeprefix("# "), path.name)
        for path in records
    ]
    for path in records:
        lines = path.read_text("utf-8").splitlines()
        assert len(lines) <= 25
        assert lines[2].startswith(path.name[:10])
        parts = re.findall(r"^\*\*(\w+)\.\*\*", "\n".join(lines), re.MULTILINE)
        assert [part for part in parts if part != "Considered"] == ["Context", "Decision", "Consequence"]


def test_the_version_is_the_newest_in_the_changelog_or_on_its_way_to_the_next() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    dated = [re.fullmatch(r"(\d+\.\d+\.\d+) - \d{4}-\d{2}-\d{2}", heading) for heading in headings[1:]]
    assert dated[0] is not None
    assert None not in dated
    assert version == dated[0][1] or re.fullmatch(r"\d+\.\d+\.\d+\.dev\d+", version)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_row_of_a_table_has_the_cells_of_its_heading(document: Path) -> None:
    text = FENCE.sub("", document.read_text("utf-8"))
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        cells = {len(re.split(r"(?<!\\)\|", QUOTED.sub("", row))) for row in table.splitlines()}
        assert len(cells) == 1, table
