"""Reads the tensors of a PyTorch weights file of the old format (before 1.6) without unpickling it.

The file is a pickle, and unpickling runs what the file says. Here its opcodes are read with `pickletools` and
only those that a dictionary of tensors needs are understood, as data; anything else is an error.

Layout: three pickles (magic number, protocol, system), the state dictionary, the list of storage keys, then
for each key an int64 count and that many elements (torch.serialization._legacy_save).
"""

from __future__ import annotations

import pickletools
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from training.training_error import TrainingError

ELEMENT_TYPES: Final = {"torch FloatStorage": "<f4", "torch LongStorage": "<i8"}
CALLS: Final = frozenset({"torch._utils _rebuild_tensor_v2", "collections OrderedDict"})
VALUES: Final = frozenset({"BINUNICODE", "BININT", "BININT1", "BININT2", "NONE", "NEWFALSE", "NEWTRUE"})
IGNORED: Final = frozenset({"PROTO", "STOP", "BINPERSID"})
"""BINPERSID marks a storage, whose description stands on the stack already."""

MAX_FILE_BYTES: Final = 256 * 1024**2

_MARK: Final = object()


class TorchFileError(TrainingError):
    """The file is not a plain dictionary of tensors in PyTorch's old format."""


def read_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return every tensor of a weights file by name.

    Args:
        path: a `.pth` file; at most 256 MiB.

    Raises:
        TorchFileError: when it is something else, or contains anything but tensors.
        OSError: when it cannot be read.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise TorchFileError(f"{path} is larger than {MAX_FILE_BYTES} bytes")
    with path.open("rb") as file:
        try:
            for _ in range(3):
                _skip_pickle(file)
            state = _interpret(file)
            keys = [str(key) for code, key, _ in pickletools.genops(file) if code.name == "BINUNICODE"]
            return _assemble(state, _read_storages(file, keys, state))
        except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
            raise TorchFileError(
                f"{path} is not a PyTorch weights file of the old format: {error}"
            ) from error


def _skip_pickle(file: BinaryIO) -> None:
    for _ in pickletools.genops(file):
        pass


def _interpret(file: BinaryIO) -> dict[str, tuple[Any, ...]]:
    """Return the arguments of `_rebuild_tensor_v2` by tensor name."""
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    for code, argument, _ in pickletools.genops(file):
        if code.name in VALUES:
            stack.append(argument)
        elif code.name == "GLOBAL":
            if argument not in CALLS and argument not in ELEMENT_TYPES:
                raise ValueError(f"it names {argument!r}")
            stack.append(argument)
        elif code.name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif code.name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif code.name not in IGNORED:
            _build(code.name, stack)
    state = stack[-1]
    if not isinstance(state, dict):
        raise TypeError("it holds no dictionary")
    return state


def _build(code: str, stack: list[Any]) -> None:
    """Make a tuple or a dictionary of what lies on the stack."""
    match code:
        case "MARK":
            stack.append(_MARK)
        case "EMPTY_TUPLE":
            stack.append(())
        case "EMPTY_DICT":
            stack.append({})
        case "TUPLE":
            stack.append(tuple(_pop_to_mark(stack)))
        case "TUPLE1" | "TUPLE2" | "TUPLE3":
            count = int(code[-1])
            stack[-count:] = [tuple(stack[-count:])]
        case "REDUCE":
            arguments, call = stack.pop(), stack.pop()
            stack.append({} if call == "collections OrderedDict" else arguments)
        case "SETITEM":
            value, key = stack.pop(), stack.pop()
            stack[-1][key] = value
        case "SETITEMS":
            items = _pop_to_mark(stack)
            stack[-1].update(zip(items[::2], items[1::2], strict=True))
        case "BUILD":
            stack.pop()  # attributes of the dictionary (_metadata): not tensors
        case other:
            raise ValueError(f"it needs the opcode {other}")


def _pop_to_mark(stack: list[Any]) -> list[Any]:
    position = len(stack) - 1 - stack[::-1].index(_MARK)
    items = stack[position + 1 :]
    del stack[position:]
    return items


def _read_storages(
    file: BinaryIO, keys: list[str], state: dict[str, tuple[Any, ...]]
) -> dict[str, npt.NDArray[Any]]:
    types = {tensor[0][2]: np.dtype(ELEMENT_TYPES[tensor[0][1]]) for tensor in state.values()}
    storages = {}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        if not 0 <= count <= MAX_FILE_BYTES:
            raise ValueError("a storage of impossible size")
        content = file.read(count * types[key].itemsize)
        storages[key] = np.frombuffer(content, types[key], count)
    return storages


def _assemble(
    state: dict[str, tuple[Any, ...]], storages: dict[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]]:
    """Cut each tensor out of its storage. Strides matter: weights ported from elsewhere lie transposed."""
    tensors = {}
    for name, (storage, offset, shape, strides, *_) in state.items():
        elements = storages[storage[2]]
        last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        if offset < 0 or min((*shape, 1)) < 1 or min((*strides, 1)) < 0 or last >= len(elements):
            raise ValueError(f"{name} reaches past its storage")
        steps = [stride * elements.itemsize for stride in strides]
        view = np.lib.stride_tricks.as_strided(elements[offset:], shape, steps, writeable=False)
        tensors[name] = np.ascontiguousarray(view)
    return tensors
