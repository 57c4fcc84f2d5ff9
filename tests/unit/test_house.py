"""The rules of the house: which room imports which, how files are called, what never comes in."""

from __future__ import annotations

import ast
import builtins
import graphlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import grimp
import pytest

from tests.checkout import ROOT
from tests.source_files import OUTBUILDINGS, ROOMS, list_files, list_modules, list_python_files

NAMELESS = {"utils", "util", "common", "helpers", "helper", "core", "manager", "managers", "base", "misc"}

# Neither the machine on which a file was written nor where its packages came from is anybody's business.
FOREIGN = re.compile(
    "/" + r"work/|index-url[ =]+[\"']?https?:|find-links[ =]|https?://\S+/simple\b|^\S+ @ (https?|file):"
)


@dataclass(frozen=True)
class Facts:
    """The facts about a file that several rules ask for; its syntax tree is large and not kept."""

    docstring: str | None
    imports: frozenset[str]
    """Names of the libraries and rooms that it imports."""
    calls: tuple[tuple[str, int], ...]
    """Names of the functions that it calls by a plain name, each with its line."""


@cache
def read_facts(path: Path) -> Facts:
    """Return the facts about a Python file, which is parsed once for all rules."""
    tree = ast.parse(path.read_text("utf-8"))
    imports: set[str] = set()
    calls = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imports.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.append((node.func.id, node.lineno))
    return Facts(ast.get_docstring(tree), frozenset(imports), tuple(calls))


def list_packages() -> list[str]:
    """Return rooms and packages in them, but for what Alembic keeps and what holds two or three files."""
    folders = {path.parent.relative_to(ROOT) for path in list_modules() if path.name == "__init__.py"}
    return sorted(str(folder) for folder in folders if len(list((ROOT / folder).glob("*.py"))) > 4)


def test_imports_run_one_way() -> None:
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", run.stdout)


def test_the_ground_room_needs_six_libraries_at_most() -> None:
    taken = {name for path in list_modules() if "domain" in path.parts for name in read_facts(path).imports}
    assert "numpy" in taken, "this test sees imports"
    libraries = {"babel", "contourpy", "numpy", "PIL", "pydantic", "pydantic_core", "structlog"}
    allowed = {"domain", *libraries, *sys.stdlib_module_names}
    assert taken - allowed == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph(*ROOMS, *OUTBUILDINGS, cache_dir=str(ROOT / ".import_linter_cache"))
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert sum(map(len, imports.values())) > 1000, "this test sees imports"
    list(graphlib.TopologicalSorter(imports).static_order())  # a CycleError names the modules


def test_a_name_is_imported_from_the_module_that_defines_it() -> None:
    """Only `db.tables`, the list of all tables, hands on names of its own modules."""
    trees = {_name_module(path): ast.parse(path.read_text("utf-8")) for path in list_python_files()}
    taken = [
        (importer, node.module, alias.name)
        for importer, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in trees and node.module != "db.tables"
        for alias in node.names
        if f"{node.module}.{alias.name}" not in trees
    ]
    assert len(taken) > 1000, "this test sees imports"
    defined = {name: _list_definitions(tree) for name, tree in trees.items()}
    assert [row for row in taken if row[2] not in defined[row[1]]] == []


def test_no_folder_holds_more_than_twenty_files() -> None:
    folders = Counter(
        path.parent.relative_to(ROOT) for path in list_python_files() if path.stem != "__init__"
    )
    versions = Path("db/migrations/versions")
    assert {
        str(folder): files for folder, files in folders.items() if files > 20 and folder != versions
    } == {}


@pytest.mark.parametrize("package", list_packages())
def test_a_package_s_map_names_each_of_its_files_and_no_other(package: str) -> None:
    folder = ROOT / package
    map_ = read_facts(folder / "__init__.py").docstring
    assert map_ is not None
    named = re.findall(r"^- `([a-z0-9_/]+)`", map_, re.MULTILINE)
    files = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("__")}
    folders = {f"{path.name}/" for path in folder.iterdir() if path.is_dir()}
    assert len(named) == len(set(named))
    assert files <= set(named)
    assert set(named) <= files | folders


def test_no_file_is_called_after_nothing() -> None:
    assert [path for path in list_modules() if path.stem in NAMELESS or path.parent.name in NAMELESS] == []


def test_every_file_says_what_it_is_for() -> None:
    assert [path for path in list_modules() if not read_facts(path).docstring] == []


@pytest.mark.parametrize("module", ["pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"])
def test_nothing_that_can_run_code_is_deserialised(module: str) -> None:
    assert [path for path in list_modules() if module in read_facts(path).imports] == []


def test_no_process_sends_a_pickle_to_another() -> None:
    """Only the arguments of a spawned process are pickled, by multiprocessing: its own parent made them."""
    modules = [path for path in list_python_files() if not path.is_relative_to(ROOT / "tests")]
    assert len(modules) > 300
    found = {path: _list_pickle_uses(ast.parse(path.read_text("utf-8"))) for path in modules}
    assert {path: uses for path, uses in found.items() if uses} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from multiprocessing import Pipe\nours, theirs = Pipe()\nours.send(1)",
        "from multiprocessing.connection import Connection\ndef f(c: Connection): return c.recv()",
        "import multiprocessing as m\nwrite = m.Pipe()[0].send",
        "def f(process): return process.open().recv()",
        "import multiprocessing\ncontext = multiprocessing.get_context('spawn')\nqueue = context.Queue()",
        "from multiprocessing import SimpleQueue",
        "from multiprocessing.managers import SyncManager",
        "import billiard\npool = billiard.Pool(2)",
        "import concurrent.futures\npool = concurrent.futures.ProcessPoolExecutor()",
        "from concurrent.futures import ProcessPoolExecutor",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import importlib\nimportlib.import_module('pickle').loads(b'')",
        "import sys\nsys.modules['_pickle'].loads(b'')",
        "from multiprocessing import reduction\nreduction.ForkingPickler.loads(b'')",
        "import numpy\nnumpy.compat.py3k.pickle.loads(b'')",
    ],
)
def test_the_rule_about_pickles_sees_each_way_to_send_or_open_one(source: str) -> None:
    assert _list_pickle_uses(ast.parse(source)) != []


@pytest.mark.parametrize(
    "source",
    [
        "from multiprocessing import Pipe\na, b = Pipe()\na.send_bytes(b'')\nb.recv_bytes()",
        "import socket\ndef f(s: socket.socket): s.send(s.recv(1))",
        "import queue\nwaiting = queue.Queue()",
        "import numpy as np\nnp.load('x', allow_pickle=False)",
    ],
)
def test_the_rule_about_pickles_allows_bytes(source: str) -> None:
    assert _list_pickle_uses(ast.parse(source)) == []


@pytest.mark.parametrize("name", ["eval", "exec", "compile", "__import__"])
def test_no_text_is_run_as_code(name: str) -> None:
    found = [
        (path, line) for path in list_modules() for called, line in read_facts(path).calls if called == name
    ]
    assert found == []


def test_every_error_is_permanent_or_transient() -> None:
    """Each exception class of the rooms descends from exactly one of the two roots in `domain.errors`."""
    bases = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for path in list_modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    roots = {"PermanentError", "TransientError"}
    lineages = {name: set(_list_ancestors(name, bases)) for name in bases}
    errors = {name for name, line in lineages.items() if any(map(_is_exception, line | {name}))}
    assert len(errors) > 20, "this test sees errors"
    assert roots | {"TbscreenError"} <= errors
    outside = errors - roots - {"TbscreenError"}
    assert {name for name in outside if len(lineages[name] & roots) != 1} == set()


def test_no_test_uses_mocks() -> None:
    tests = [path for path in list_files() if path.suffix == ".py" and path.is_relative_to(ROOT / "tests")]
    assert len(tests) > 20
    assert [path for path in tests if read_facts(path).imports & {"unittest", "mock", "pytest_mock"}] == []


def test_no_file_tells_where_it_was_made() -> None:
    found = []
    for path in list_files():
        content = path.read_bytes()
        if b"\0" in content[:8192]:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
            if FOREIGN.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line[:120]}")
    assert found == []


PICKLES: Final = frozenset({"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "ProcessPoolExecutor"})
PROCESSES: Final = frozenset({"multiprocessing", "billiard"})
PICKLING: Final = frozenset(
    {
        *("Queue", "SimpleQueue", "JoinableQueue", "Manager", "Pool"),
        *("managers", "pool", "queues", "reduction", "ForkingPickler", "send", "recv"),
    }
)
"""Names of multiprocessing and what is made of it that pickle whatever is handed to them."""


def _list_pickle_uses(tree: ast.Module) -> list[str]:
    """Return what in a module pickles, unpickles or names a module that does.

    A connection's type is not known here. So in a module that imports multiprocessing nothing at all is
    called `send` or `recv`; elsewhere a socket has these names, but its `recv` is told how much to read.
    """
    nodes = list(ast.walk(tree))
    imported = {name.split(".")[0] for node in nodes for name in _list_imported(node)}
    has_processes = bool(imported & PROCESSES)
    uses = []
    for node in nodes:
        named = {part for name in _list_imported(node) for part in name.split(".")}
        if isinstance(node, ast.Attribute):
            named = {node.attr}
        elif isinstance(node, ast.Constant) and node.value in PICKLES:
            named = {str(node.value)}
        if named & PICKLES or (has_processes and named & PICKLING):
            uses.append(f"{ast.unparse(node)} in line {getattr(node, 'lineno', 0)}")
        if isinstance(node, ast.Call) and _pickles(node):
            uses.append(f"{ast.unparse(node)} in line {node.lineno}")
    return uses


def _list_imported(node: ast.AST) -> list[str]:
    """Return the modules and names that a statement imports, dotted."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _pickles(call: ast.Call) -> bool:
    """True for `recv()` without a size and for `allow_pickle` that is not False."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "recv":
        return not call.args and not call.keywords
    return any(
        keyword.arg == "allow_pickle"
        and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
        for keyword in call.keywords
    )


def _list_ancestors(name: str, bases: Mapping[str, set[str]]) -> Iterator[str]:
    for base in bases.get(name, ()):
        yield base
        yield from _list_ancestors(base, bases)


def _is_exception(name: str) -> bool:
    kind = getattr(builtins, name, None)
    return name.endswith(("Error", "Exception")) or (
        isinstance(kind, type) and issubclass(kind, BaseException)
    )


def _name_module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _list_definitions(tree: ast.Module) -> set[str]:
    """Return the names that a module binds other than by import, at its top or under a condition there."""
    names: set[str] = set()
    for top in tree.body:
        for node in ast.walk(top) if isinstance(top, ast.If | ast.Try) else [top]:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names |= {
                    leaf.id for target in targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)
                }
    return names
