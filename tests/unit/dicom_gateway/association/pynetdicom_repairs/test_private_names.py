"""Only the repairs use private names of pynetdicom."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

from pynetdicom import AE
from pynetdicom.dul import DULServiceProvider
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

import dicom_gateway
from dicom_gateway.association.peer_association import PeerSocket
from dicom_gateway.reception.listener import FilmRequestHandler, Listener

ROOM = Path(dicom_gateway.__file__).parent
EXTENDED = (AE, AssociationSocket, DULServiceProvider, RequestHandler, ThreadedAssociationServer)
"""The classes of pynetdicom that the gateway extends."""
OTHER_LIBRARIES = {"_exit", "_q_for_pri"}
"""os, kombu."""


def list_subclasses(kind: type) -> set[type]:
    return {kind}.union(*(list_subclasses(child) for child in kind.__subclasses__()))


def list_private_names(kind: type) -> set[str]:
    """Private names that a class defines or uses of itself."""
    return set(re.findall(r"(?:\bself|super\(\))\.(_[a-z]\w*)|", inspect.getsource(kind))) | {
        name for name in vars(kind) if re.match(r"_[a-z]", name)
    }


def test_no_class_outside_extends_private_methods() -> None:
    ours = {kind for extended in EXTENDED for kind in list_subclasses(extended)}
    outside = [
        kind
        for kind in ours
        if kind.__module__.startswith("dicom_gateway.") and ".pynetdicom_repairs." not in kind.__module__
    ]
    assert {Listener, FilmRequestHandler, PeerSocket} <= set(outside), "this test sees the classes"
    for kind in outside:
        bases = [base for base in kind.__mro__ if base.__module__.startswith("pynetdicom.")]
        private = set().union(*(list_private_names(base) for base in bases)) - {""}
        assert private, "this test sees private names"
        assert list_private_names(kind) & private == set(), kind


def test_no_module_outside_uses_private_names_of_other_objects() -> None:
    used = []
    for path in ROOM.rglob("*.py"):
        if path.parent.name == "pynetdicom_repairs":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr):
                owner = node.value.id if isinstance(node.value, ast.Name) else ""
                if owner not in ("self", "cls") and node.attr not in OTHER_LIBRARIES:
                    used.append(f"{path.relative_to(ROOM)}: {node.attr}")
    assert used == []
