"""A wall clock that can be made to jump, for one process of the site."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


class JumpedClock:
    """The clock of one process and its children.

    Args:
        file: holds the jump; made here, and read by the process through shared memory.
        library: what `build_library` made.
    """

    def __init__(self, file: Path, library: Path) -> None:
        self._file = file
        self._library = library
        self._file.write_bytes(struct.pack("=q", 0))

    def environment(self) -> dict[str, str]:
        """Return what the process needs in its environment."""
        return {"LD_PRELOAD": str(self._library), "JUMPED_CLOCK": str(self._file)}

    def jump(self, seconds: int) -> None:
        """Let the clock be off by so much from now on; 0 sets it right."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("=q", seconds))


def build_library(folder: Path) -> Path | None:
    """Compile the library that is preloaded; None where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = folder / "jumped_clock.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return library
