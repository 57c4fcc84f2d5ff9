"""The measured figures that capacity, sizing table and docs are computed from: `measured.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("measured.json")

STAGES: Final = ("reception", "preparation", "handing_over", "worker", "courier")
"""In the order in which a film meets them."""


@dataclass(frozen=True)
class Measured:
    """All figures, each with the command that measured it; `machine` is the one it ran on."""

    machine: str
    figures: Mapping[str, Mapping[str, Any]]

    def __getitem__(self, name: str) -> float:
        """Return one figure in its unit.

        Raises:
            KeyError: when nobody has measured it.
        """
        return float(self.figures[name]["value"])

    def cpu_s(self, size: str, stage: str) -> float:
        """Return the processor seconds that one film costs in a stage.

        Args:
            size: of films, `full` (2500×2048) or `small` (512×512).
            stage: one of `STAGES`, or `redis`, `postgresql`, `load_generator`.
        """
        return self[f"cpu_ms.{size}.{stage}"] / 1000


def read_measured(file: Path = FILE) -> Measured:
    """Read the figures."""
    content = json.loads(file.read_text("utf-8"))
    return Measured(content["machine"], content["figures"])


def write_measured(
    machine: str, values: Mapping[str, tuple[float, str]], command: str, file: Path = FILE
) -> None:
    """Write figures over those of the same names; others stay.

    Args:
        machine: what they were measured on.
        values: value and unit by name.
        command: that measured them.
        file: of the figures.
    """
    figures = dict(read_measured(file).figures) if file.exists() else {}
    figures |= {
        name: {"value": float(f"{value:.4g}"), "unit": unit, "command": command}
        for name, (value, unit) in values.items()
    }
    content = {"machine": machine, "figures": dict(sorted(figures.items()))}
    file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
