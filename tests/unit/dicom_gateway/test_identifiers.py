from __future__ import annotations

import re
import uuid

import pytest

from dicom_gateway.identifiers import derive_uid


def test_same_parts_give_the_same_uid_in_every_version() -> None:
    assert derive_uid("a", "b") == "2.25.319413814503613703153728065484548124556" == derive_uid("a", "b")


@pytest.mark.parametrize(
    "parts", [("ab",), ("a", "b", ""), ("", "a", "b"), ("b", "a"), ("A", "b"), ("a", "c"), ()]
)
def test_other_parts_give_another_uid(parts: tuple[str, ...]) -> None:
    assert derive_uid(*parts) != derive_uid("a", "b")


def test_uid_is_one_that_the_standard_allows() -> None:
    for number in range(500):
        uid = derive_uid("film", str(number))

        assert re.fullmatch(r"2\.25\.[1-9][0-9]*", uid)
        assert len(uid) <= 64
        made = uuid.UUID(int=int(uid.removeprefix("2.25.")))
        assert (made.version, made.variant) == (5, uuid.RFC_4122)


def test_many_parts_give_as_many_uids() -> None:
    assert len({derive_uid(str(number)) for number in range(5000)}) == 5000
