"""Questions of predicting processes to a device process, and its answers, as bytes. No pickle.

A question is `QUESTION`, followed by the film's array where it asks for a score. An answer is `ANSWER`,
followed by JSON of so many bytes and, for a score, by the heat map.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.array.normalization import SPEC

QUESTION: Final = struct.Struct("=B32s")
"""Kind, and the digest of the bundle."""
ANSWER: Final = struct.Struct("=BII")
"""Kind, bytes of the JSON, bytes of the heat map."""
LONGEST_JSON: Final = 65_536
LONGEST_HEAT: Final = 4 * SPEC.rows * SPEC.columns
FILM_TYPE: Final = np.dtype("=f4")
FILM_BYTES: Final = SPEC.rows * SPEC.columns * FILM_TYPE.itemsize


class QuestionKind(IntEnum):
    """The wish of a predicting process."""

    OPEN = 1
    """To have a bundle loaded."""
    SCORE = 2
    """A score; an array follows."""
    TURN = 3
    """To have the device to itself for the next score."""
    READY = 4
    """To be told when the device process takes films."""


class AnswerKind(IntEnum):
    """The end of a question."""

    DONE = 1
    BROKEN_BUNDLE = 2
    """The bundle cannot be loaded; the JSON holds the reason."""
    TROUBLE = 3
    """The database does not answer."""
    FAILED = 4
    """The prediction of this film raised an error."""
    NO_MEMORY = 5


@dataclass(frozen=True, eq=False)
class Question:
    """A whole question."""

    kind: QuestionKind
    digest: str
    """64 hexadecimal digits."""
    array: npt.NDArray[np.float32] | None = None
    """float32 (256, 256), 0..1, of a score."""

    def to_bytes(self) -> bytes:
        """Return the question as it is sent."""
        head = QUESTION.pack(self.kind, bytes.fromhex(self.digest))
        return head if self.array is None else head + np.ascontiguousarray(self.array, FILM_TYPE).tobytes()


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    kind: AnswerKind
    facts: dict[str, Any]
    """Of an opened bundle `runtime` and `precision`; of a score `score`, and `cells`, the rows of its heat
    map; else `reason`."""
    heat: npt.NDArray[np.float32] | None = None
    """float32 (g, g), 0..1."""

    def to_bytes(self) -> bytes:
        """Return the answer as it is sent."""
        facts = self.facts if self.heat is None else {**self.facts, "cells": len(self.heat)}
        text = json.dumps(facts).encode()
        cells = b"" if self.heat is None else np.ascontiguousarray(self.heat, FILM_TYPE).tobytes()
        return ANSWER.pack(self.kind, len(text), len(cells)) + text + cells


class QuestionReader:
    """Joins the bytes that come from one predicting process to questions."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def read(self, part: bytes) -> list[Question]:
        """Return the questions that are whole with these bytes.

        Raises:
            ValueError: for bytes that are no question.
        """
        self._bytes += part
        questions = []
        while len(self._bytes) >= QUESTION.size:
            kind, digest = QUESTION.unpack_from(self._bytes)
            asked = QuestionKind(kind)
            end = QUESTION.size + (FILM_BYTES if asked is QuestionKind.SCORE else 0)
            if len(self._bytes) < end:
                break
            array = None
            if asked is QuestionKind.SCORE:
                content = bytes(self._bytes[QUESTION.size : end])
                array = np.frombuffer(content, FILM_TYPE).reshape(SPEC.rows, SPEC.columns)
            questions.append(Question(asked, digest.hex(), array))
            del self._bytes[:end]
        return questions


def read_answer(kind: int, text: bytes, cells: bytes) -> Answer:
    """Return an answer from its parts.

    Raises:
        ValueError: when they are no answer.
    """
    facts = json.loads(text)
    if not isinstance(facts, dict):
        raise ValueError("the answer of a device process is no object")
    heat = None
    if cells:
        side = int(facts["cells"])
        heat = np.frombuffer(cells, FILM_TYPE).reshape(side, side)
    return Answer(AnswerKind(kind), facts, heat)
