"""docs/reader/worklist.md names each attribute that is supported, with its matching, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dicom_gateway.query.procedure_step import PROCEDURE_STEP
from dicom_gateway.query.request_attributes import CODE_ITEMS
from dicom_gateway.query.worklist_attributes import IMAGE, PRIVATE, PRIVATE_CREATOR, SERIES, STUDY, Attribute
from tests import checkout

DOCS = (checkout.DOCS / "reader" / "worklist.md").read_text("utf-8")


def list_rows(attributes: Sequence[Attribute], depth: int = 0) -> Iterator[tuple[str, str, str]]:
    for attribute in attributes:
        if not attribute.element:
            tag = f"({attribute.tag >> 16:04X},{attribute.tag & 0xFFFF:04X})"
            yield tag, "> " * depth + attribute.keyword, attribute.matching.value
        if attribute.items and attribute.items != CODE_ITEMS:
            yield from list_rows(attribute.items, depth + 1)


def test_the_tables_of_the_docs_are_those_of_the_code() -> None:
    written = re.findall(
        r"^\| (\([0-9A-F]{4},[0-9A-F]{4}\)) \| ([> A-Za-z]+) \| ([a-zA-Z ,]+) \|$", DOCS, re.M
    )
    expected = [row for table in (PROCEDURE_STEP, STUDY, SERIES, IMAGE) for row in list_rows(table)]
    assert written == expected


def test_the_private_attributes_are_in_the_docs() -> None:
    written = re.findall(r"^\| \(0077,xx([0-9A-F]{2})\) \| ([A-Z]{2}) \| (\w+) \| ([a-z ,]+) \|", DOCS, re.M)
    assert written == [
        (f"{attribute.element:02X}", attribute.vr, attribute.keyword, attribute.matching.value)
        for attribute in PRIVATE
    ]
    assert f"`{PRIVATE_CREATOR}`" in DOCS
