from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.learning.torch_file import TorchFileError, read_tensors

Numbers = tuple[int, ...]

HEADER = [(119547037146038801333356).to_bytes(10, "little"), 1001, {"little_endian": True}]


class _Opcodes:
    """Writes the opcodes that torch.save wrote before 1.6, without torch."""

    def __init__(self) -> None:
        self.content = b"\x80\x02"

    def text(self, value: str) -> None:
        encoded = value.encode()
        self.content += b"X" + struct.pack("<I", len(encoded)) + encoded

    def number(self, value: int) -> None:
        self.content += b"J" + struct.pack("<i", value)

    def numbers(self, values: tuple[int, ...]) -> None:
        self.content += b"("
        for value in values:
            self.number(value)
        self.content += b"t"

    def tensor(self, key: str, count: int, offset: int, shape: Numbers, stride: Numbers) -> None:
        self.content += b"ctorch._utils\n_rebuild_tensor_v2\n(("
        self.text("storage")
        self.content += b"ctorch\nFloatStorage\n"
        self.text(key)
        self.text("cpu")
        self.number(count)
        self.content += b"NtQ"
        self.number(offset)
        self.numbers(shape)
        self.numbers(stride)
        self.content += b"\x89ccollections\nOrderedDict\n)RtR"


def write_file(path: Path, tensors: dict[str, tuple[np.ndarray[Any, Any], int, Numbers, Numbers]]) -> None:
    content = b"".join(pickle.dumps(part, protocol=2) for part in HEADER)
    state = _Opcodes()
    state.content += b"ccollections\nOrderedDict\n)R("
    for number, (name, (elements, offset, shape, stride)) in enumerate(tensors.items()):
        state.text(name)
        state.tensor(str(number), len(elements), offset, shape, stride)
    state.content += b"u."
    keys = _Opcodes()
    keys.content += b"]("
    for number in range(len(tensors)):
        keys.text(str(number))
    keys.content += b"e."
    content += state.content + keys.content
    for elements, *_ in tensors.values():
        content += struct.pack("<q", len(elements)) + elements.astype("<f4").tobytes()
    path.write_bytes(content)


def test_tensors_come_with_their_shape(tmp_path: Path) -> None:
    one, two = (np.arange(6.0), 0, (2, 3), (3, 1)), (np.ones(2), 1, (1,), (1,))
    write_file(tmp_path / "a.pth", {"one": one, "two": two})
    tensors = read_tensors(tmp_path / "a.pth")
    assert list(tensors) == ["one", "two"]
    assert tensors["one"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensors["two"].tolist() == [1]


def test_a_tensor_stored_transposed_is_read_transposed(tmp_path: Path) -> None:
    write_file(tmp_path / "a.pth", {"one": (np.arange(6.0), 0, (2, 3), (1, 2))})
    assert read_tensors(tmp_path / "a.pth")["one"].tolist() == [[0, 2, 4], [1, 3, 5]]


def test_nothing_in_the_file_is_run(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "was here",)

    content = b"".join(pickle.dumps(part, protocol=2) for part in [*HEADER, Hostile()])
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(TorchFileError, match="is not a PyTorch weights file"):
        read_tensors(tmp_path / "a.pth")
    assert not (tmp_path / "was here").exists()


def test_a_tensor_that_reaches_past_its_storage_is_refused(tmp_path: Path) -> None:
    write_file(tmp_path / "a.pth", {"one": (np.arange(6.0), 1, (2, 3), (3, 1))})
    with pytest.raises(TorchFileError, match="reaches past its storage"):
        read_tensors(tmp_path / "a.pth")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"\x80\x02}q\x00."])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(TorchFileError):
        read_tensors(tmp_path / "a.pth")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    write_file(tmp_path / "a.pth", {"one": (np.arange(6.0), 0, (2, 3), (3, 1))})
    whole = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(whole[:-3])
    with pytest.raises(TorchFileError):
        read_tensors(tmp_path / "a.pth")
