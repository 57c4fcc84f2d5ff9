"""Writes the bundle of a first installation: the default architecture with random weights, saying so.

    python -m training.untrained tbscreen/bundles/default

It exercises the whole path of a film honestly: every report says "untrained model", every finding is
Undetermined. There is nothing to evaluate, so it has no metrics.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from dicom_gateway.normalization import SPEC
from worker.bundle import STRUCTURE, WEIGHTS, Bundle, write_bundle

SEED = 42


def write_untrained(directory: Path) -> Bundle:
    """Write the untrained default bundle into a new folder."""
    import keras

    from training.architectures import build_default

    keras.utils.set_random_seed(SEED)
    model = build_default()
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / WEIGHTS
        model.save_weights(weights)
        content = weights.read_bytes()
    manifest = {
        "format": 1,
        "name": "tbscreen-default",
        "version": "0.1.0-untrained",
        "architecture": "default",
        "trained": False,
        "finding": "TBCXR",
        "normalization": SPEC.to_manifest(),
        "operating_points": [
            {"name": "screening", "threshold": 0.5, "sensitivity": None, "specificity": None},
            {"name": "rule_in", "threshold": 0.5, "sensitivity": None, "specificity": None},
        ],
        "reported_operating_point": "screening",
        "calibration": {"method": "identity", "prevalence": None},
        "metrics": {},
        "training_data": {},
        "notes": f"Random weights, seed {SEED}: the score means nothing. By python -m training.untrained.",
    }
    return write_bundle(directory, manifest, {STRUCTURE: model.to_json().encode(), WEIGHTS: content})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the untrained default bundle.")
    parser.add_argument("directory", type=Path, help="a new or empty folder")
    bundle = write_untrained(parser.parse_args().directory)
    print(f"{bundle.manifest.name} {bundle.manifest.version} {bundle.digest[:12]} in {bundle.directory}")
