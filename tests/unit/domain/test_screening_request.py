from __future__ import annotations

from typing import Any

import msgpack
import numpy as np
import pytest

from domain.screening_request import (
    ACCEPTED_VERSIONS,
    MESSAGE_VERSION,
    MalformedMessageError,
    ScreeningRequest,
    UnknownMessageVersionError,
)

ARRAY = np.random.default_rng(5).random((256, 256), dtype=np.float32)
REQUEST = ScreeningRequest(7, "ab" * 32, "tbscreen-normalization-1", ARRAY)


def test_request_survives_msgpack() -> None:
    packed = msgpack.packb(REQUEST.to_message())

    read = ScreeningRequest.from_message(msgpack.unpackb(packed))

    assert (read.instance_id, read.film_key) == (7, "ab" * 32)
    assert read.normalization_version == "tbscreen-normalization-1"
    assert np.array_equal(read.array, ARRAY)
    assert read.array.dtype == np.float32
    assert read.array.shape == (256, 256)


def test_message_holds_the_array_little_endian_row_by_row() -> None:
    message = REQUEST.to_message()

    assert message["version"] == MESSAGE_VERSION
    assert message["array"][4:8] == ARRAY[0, 1].astype("<f4").tobytes()
    assert len(message["array"]) == 256 * 256 * 4


def test_array_of_another_byte_order_or_layout_is_sent_all_the_same() -> None:
    request = ScreeningRequest(7, "k", "v", np.asfortranarray(ARRAY).astype(">f4"))

    assert request.to_message()["array"] == REQUEST.to_message()["array"]


def test_array_that_was_read_may_be_written_to() -> None:
    read = ScreeningRequest.from_message(REQUEST.to_message())

    read.array[0, 0] = 0.5

    assert read.array[0, 0] == 0.5


def test_0_and_1_are_values_of_an_array() -> None:
    ends = np.zeros((256, 256), dtype=np.float32)
    ends[0] = 1.0

    assert np.array_equal(ScreeningRequest.from_message(_changed(array=ends.tobytes())).array, ends)


@pytest.mark.parametrize(
    "version", [0, 2, -1, 1.0, "1", None, True, [1], {"one": 1}, b"1", 2**63], ids=lambda value: repr(value)
)
def test_unknown_version_is_told_apart_so_that_another_worker_may_take_it(version: object) -> None:
    with pytest.raises(UnknownMessageVersionError):
        ScreeningRequest.from_message(_changed(version=version))


def test_version_comes_first_whatever_else_is_wrong() -> None:
    with pytest.raises(UnknownMessageVersionError):
        ScreeningRequest.from_message({"version": 99, "shape": "of things to come"})
    with pytest.raises(UnknownMessageVersionError):
        ScreeningRequest.from_message({})


def test_own_version_and_the_one_before_are_accepted() -> None:
    assert frozenset({version for version in (1, MESSAGE_VERSION - 1, MESSAGE_VERSION) if version > 0}) == (
        ACCEPTED_VERSIONS
    )


def test_a_field_that_this_version_does_not_know_is_no_reason_to_drop_a_film() -> None:
    assert ScreeningRequest.from_message(_changed(guard="unsure")).instance_id == REQUEST.instance_id


@pytest.mark.parametrize("message", [None, b"", "text", 5, [], [REQUEST.to_message()]], ids=repr)
def test_what_is_no_map_is_malformed(message: object) -> None:
    with pytest.raises(MalformedMessageError):
        ScreeningRequest.from_message(message)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("instance_id", value) for value in (0, -1, True, 1.0, "1", None, [1], 2**63)),
        *(
            ("film_key", value)
            for value in (None, 5, b"key", ["key"], "k" * 257, "key\n2026 [info] film screened")
        ),
        *(("normalization_version", value) for value in (None, 1, b"version")),
        *(("array", value) for value in (None, "text", [0.0] * 65536, b"")),
        ("array", ARRAY.tobytes()[:-4]),
        ("array", ARRAY.tobytes() + b"\0\0\0\0"),
        ("array", ARRAY.astype(np.float64).tobytes()),
        ("array", bytearray(ARRAY.tobytes())),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_field_of_the_wrong_type_or_size_is_malformed(field: str, value: object) -> None:
    with pytest.raises(MalformedMessageError, match=field):
        ScreeningRequest.from_message(_changed(**{field: value}))


@pytest.mark.parametrize("field", ["instance_id", "film_key", "normalization_version", "array"])
def test_missing_field_is_malformed(field: str) -> None:
    message = REQUEST.to_message()
    del message[field]

    with pytest.raises(MalformedMessageError, match=field):
        ScreeningRequest.from_message(message)


@pytest.mark.parametrize("value", [-0.001, 1.001, float("nan"), float("inf"), float("-inf")])
def test_array_with_a_value_outside_0_to_1_is_malformed(value: float) -> None:
    array = ARRAY.copy()
    array[100, 200] = value

    with pytest.raises(MalformedMessageError, match=r"0\.\.1"):
        ScreeningRequest.from_message(_changed(array=array.tobytes()))


def _changed(**fields: Any) -> dict[str, Any]:
    return REQUEST.to_message() | fields
