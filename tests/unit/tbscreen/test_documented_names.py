"""Names in the documents outside shell blocks: commands, settings, tasks of make, REST paths, options."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from tbscreen.cli import app
from tbscreen.settings import FILE_VARIABLE, load_settings
from tests.checkout import DOCS, ROOT
from tests.unit.tbscreen.test_documented_commands import DOCUMENTS, ELSEWHERE, FENCE
from web.rest.openapi import describe_api

CONTRIBUTING: Final = ROOT / "CONTRIBUTING.md"
TEXTS: Final = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for path in (
        *DOCUMENTS,
        CONTRIBUTING,
        *sorted(DOCS.glob("systemd/*")),
        *sorted(DOCS.glob("monitoring/*")),
    )
    if path.suffix != ".json"
}
QUOTED: Final = re.compile(r"`([^`]+)`")
INDENTED: Final = re.compile(r"^    (\S.*)$", re.MULTILINE)
PEER: Final = '[[peers]]\nname = "pacs"\nae_title = "PACS"\nhost = "192.0.2.10"\nport = 104\n'
"""Continued by blocks that show a part of a peer's table, or what names a peer."""
SETTINGS: Final = (DOCS / "administrator" / "settings.md").read_text("utf-8")
KEY: Final = re.compile(r"^\| `([a-z_0-9]+)` \|", re.MULTILINE)
COMMANDS: Final[Any] = typer.main.get_command(app)


def list_quoted(text: str) -> Iterator[str]:
    """Yield what stands in backticks, in indented blocks and in the commands of units, on one line each."""
    yield from (" ".join(quoted.split()) for quoted in QUOTED.findall(FENCE.sub("", text)))
    yield from (line.removeprefix("$ ") for line in INDENTED.findall(text))
    yield from re.findall(r"^ExecStart=\S*/(tbscreen .*)", text, re.MULTILINE)


def find_unknown(words: list[str]) -> str | None:
    """Return the first word of a `tbscreen` line that is no command or option, or None."""
    command = COMMANDS
    while hasattr(command, "resolve_command") and words and not words[0].startswith("-"):
        context = command.make_context(command.name, list(words), resilient_parsing=True)
        name, *words = words
        if command.get_command(context, name) is None:
            return name
        _, command, _ = command.resolve_command(context, [name])
    known = {
        option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]
    }
    given = [word.partition("=")[0] for word in words if word.startswith("--")]
    return next((option for option in given if option not in {*known, "--help"}), None)


def test_commands_in_sentences_are_commands() -> None:
    found, unknown = 0, []
    for document, text in TEXTS.items():
        for quoted in list_quoted(text):
            command = re.match(r"tbscreen ([a-z-].*)", quoted)
            if command is not None:
                found += 1
                word = find_unknown(shlex.split(command[1].replace("'", ""), comments=True))
                unknown += [] if word is None else [f"{document}: {quoted}: {word}"]
    assert unknown == []
    assert found > 170
    assert find_unknown(["models", "fly"]) == "fly"
    assert find_unknown(["pulls", "--fail"]) == "--fail"


@pytest.mark.parametrize("document", sorted(name for name, text in TEXTS.items() if "```toml" in text))
def test_settings_that_documents_print_are_valid(
    document: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block alone, or after a peer if it begins within one or names one."""
    file = place / "tbscreen.toml"
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    blocks = re.findall(r"^( *)```toml\n(.*?)^ *```", TEXTS[document], re.MULTILINE | re.DOTALL)
    assert blocks
    for indent, block in blocks:
        settings = re.sub(rf"^{indent}", "", block, flags=re.MULTILINE)
        has_peers = isinstance(tomllib.loads(settings).get("peers"), list)
        file.write_text(settings if has_peers else PEER + settings)
        load_settings()


def test_tasks_of_make_exist() -> None:
    tasks = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        task
        for text in TEXTS.values()
        for task in re.findall(r"(?:^|`|^ {4})make (?:[A-Z]+=\S+ )?([a-z-]+)", text, re.MULTILINE)
    }
    assert {"demo", "test", "serve", "chaos", "audit"} <= named
    assert named - tasks == set()


def test_paths_that_curl_asks_for_are_those_of_rest() -> None:
    server = "/api/v1"
    paths = [re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(path)) for path in describe_api("1")["paths"]]
    asked = {
        path
        for text in TEXTS.values()
        for path in re.findall(r"http://127\.0\.0\.1:8080(/api[^\s\"?`]*)", text)
    }
    assert len(asked) > 2
    unknown = [
        path for path in asked if not any(re.fullmatch(known, path.removeprefix(server)) for known in paths)
    ]
    assert unknown == []


def test_options_of_modules_are_in_their_source() -> None:
    found, unknown = 0, []
    for document, text in TEXTS.items():
        for module, rest in re.findall(
            r"python -m ((?:benchmarks|chaos|tests|training)[a-z0-9_.]*)([^`|\n>:]*)", text
        ):
            place = ROOT.joinpath(*module.split("."))
            files = place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]
            source = "\n".join(file.read_text("utf-8") for file in files)
            for option in re.findall(r"--[a-z][a-z-]*", rest):
                found += 1
                unknown += [] if f'"{option}"' in source else [f"{document}: {module} {option}"]
    assert unknown == []
    assert found > 15


def test_tests_that_run_a_command_elsewhere_exist() -> None:
    for reason in ELSEWHERE.values():
        for named in re.findall(r"tests/[a-z0-9_/.]*[a-z]|test_[a-z0-9_]+\.py", reason):
            there = ROOT / named if "/" in named else next((ROOT / "tests").rglob(named), ROOT / named)
            assert there.exists(), named


def test_settings_in_sentences_are_settings() -> None:
    known = {match[1] for match in KEY.finditer(SETTINGS)}
    sections = {section.split(".")[0] for section in re.findall(r"^## `\[+([a-z_.0-9]+)\]+`", SETTINGS, re.M)}
    assert {"gateway", "courier", "worker", "web", "commitment"} <= sections
    found, unknown = 0, []
    for document, text in TEXTS.items():
        for key in re.findall(r"`([a-z_0-9]+(?:\.[a-z_0-9]+)+)`", text):
            section, _, name = key.rpartition(".")
            if key.split(".")[0] in sections and name != "lock":  # worker.lock is a file
                found += 1
                unknown += [] if name in known else [f"{document}: {section}.{name}"]
    assert unknown == []
    assert found > 100


def test_files_of_tests_exist() -> None:
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    named = {name for text in TEXTS.values() for name in re.findall(r"\btest_[a-z0-9_]+\.py", text)}
    assert len(named) > 20
    assert named - there == set()
