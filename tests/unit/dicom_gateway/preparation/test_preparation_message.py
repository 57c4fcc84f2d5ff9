"""Answers of a preparation process arrive whole, and nothing else is accepted as an answer."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from dicom_gateway.pixels.grey_transforms import GreyTransforms, LookupTable
from dicom_gateway.preparation.film_preparation import Preparation
from dicom_gateway.preparation.preparation_message import (
    PreparationEnd,
    pack_answer,
    pack_request,
    unpack_answer,
    unpack_request,
)
from domain.codes import Doubt, Observation, Refusal

ARRAY = np.linspace(0, 1, 256 * 256, dtype=np.float32).reshape(256, 256)
PREPARED = Preparation(
    None,
    "eligible",
    (Doubt.AGE_UNKNOWN,),
    "default",
    ARRAY,
    b"\xff\xd8",
    observations=(Observation.INVERTED,),
    transforms=GreyTransforms(
        slope=2.5, inverse=True, voi_table=LookupTable.of(-5, 12, np.arange(4096, dtype=np.float64))
    ),
)
REFUSED = Preparation(Refusal.UNDECODABLE, "no pixels: größer", rule="pixels", rendition=b"\xff\xd8")
FIELDS: dict[str, Any] = msgpack.unpackb(pack_answer(PREPARED))


def test_a_request_arrives_as_it_was_sent() -> None:
    path = Path("/spool/\udcff/film.dcm")  # a folder whose name is no UTF-8
    request = pack_request(path, "MODALITY Ü", {"b", "a"}, header_only=True)
    assert unpack_request(request) == (path, "MODALITY Ü", ["a", "b"], True)


def test_a_refusal_and_an_end_arrive_as_they_were_sent() -> None:
    end = PreparationEnd(error="MemoryError", at="radiograph.py:1")
    assert unpack_answer(pack_answer(REFUSED)) == REFUSED
    assert unpack_answer(pack_answer(end)) == end


def test_a_prepared_film_arrives_as_it_was_sent() -> None:
    found = unpack_answer(pack_answer(PREPARED))
    assert isinstance(found, Preparation)
    assert found.array is not None
    assert np.array_equal(found.array, ARRAY)
    assert found.array.dtype == np.float32
    assert (found.refusal, found.detail, found.doubts) == (None, PREPARED.detail, PREPARED.doubts)
    assert (found.rule, found.rendition) == (PREPARED.rule, PREPARED.rendition)
    assert found.observations == PREPARED.observations
    assert found.transforms == PREPARED.transforms


def changed(**fields: object) -> bytes:
    """Return the answer on a prepared film with something wrong in it."""
    packed: bytes = msgpack.packb(FIELDS | fields)
    return packed


MALFORMED = {
    "nothing": b"",
    "a pickle": pickle.dumps(REFUSED),
    "a pickle of what is expected": pickle.dumps(FIELDS),
    "an answer cut short": pack_answer(PREPARED)[:-1],
    "an answer and more": pack_answer(REFUSED) + b"\x00",
    "a list without end": b"\xdd" + struct.pack(">I", 2**32 - 1),
    "lists in lists": b"\x91" * 100_000,
    "an extension type": msgpack.packb(msgpack.ExtType(1, b"x")),
    "a list": msgpack.packb(list(FIELDS.values())),
    "text that is no text": msgpack.packb(FIELDS | {"detail": b"\xff"}, use_bin_type=False),
    "keys that are no text": msgpack.packb({1: 2}),
    "a field too many": changed(**{"class": "os.system"}),
    "a field too few": msgpack.packb({key: value for key, value in FIELDS.items() if key != "array"}),
    "a refusal with an array": changed(refusal="undecodable"),
    "an unknown refusal": msgpack.packb({"refusal": "nonsense", "detail": "", "rule": ""}),
    "a doubt that is no text": changed(doubts=[1]),
    "an observation that is no text": changed(observations=[1]),
    "transforms that are no numbers": changed(transforms={"slope": float("nan")}),
    "transforms with more in them": changed(transforms={"command": "x"}),
    "a lookup table that is none": changed(
        transforms={"voi_table": {"first": 0, "bits": 12, "packed": "QUJD"}}
    ),
    "a lookup table that is endless": changed(
        transforms={"voi_table": {"first": 0, "bits": 12, "packed": "A" * 1_000_000}}
    ),
    "an array that is too small": changed(array=b"\0" * 16),
    "an array that is too large": changed(array=bytes(256 * 256 * 8)),
    "an array of numbers": changed(array=[0.5] * 256),
    "an array of no numbers": changed(array=np.full_like(ARRAY, np.nan).tobytes()),
    "an array out of range": changed(array=(ARRAY + 1).tobytes()),
    "no rendition": changed(rendition=b""),
    "a rendition that is text": changed(rendition="text"),
    "an end that forges a line of the log": msgpack.packb({"error": "x\nfilm screened", "at": ""}),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_no_answer(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  each reader has words of its own
        unpack_answer(content)
