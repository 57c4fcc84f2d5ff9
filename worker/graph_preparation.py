"""The child process that makes the graph of a network: `python -m worker.graph_preparation BUNDLE OUT`.

It loads Keras and TensorFlow and takes their memory with it when it ends.
"""

from __future__ import annotations

import sys
from pathlib import Path

from domain.bundle.bundle import Bundle, open_bundle
from domain.errors import TbscreenError
from worker.golden_arrays import draw_golden_arrays
from worker.predictor import load_model
from worker.prepared_network import CONSTANTS, FACTS, GOLDEN_ARRAYS, GRAPH, GraphFacts, hash_file
from worker.runtimes.keras_runtime import KerasRuntime
from worker.runtimes.openvino_runtime import OpenVinoError, convert, name_version, save
from worker.screening_network import score


def prepare(bundle: Bundle, folder: Path) -> None:
    """Write the graph of a bundle's network and its facts.

    Args:
        bundle: verified.
        folder: empty.

    Raises:
        PermanentError: when Keras cannot load the network.
        ArithmeticError: when a score is not a number.
    """
    model = load_model(bundle)
    scores = score(KerasRuntime(model, "float32"), draw_golden_arrays(GOLDEN_ARRAYS)).tolist()
    files, reason = {}, ""
    try:
        save(convert(model), folder / GRAPH)
        files = {name: hash_file(folder / name) for name in (GRAPH, CONSTANTS)}
    except OpenVinoError as error:
        reason = str(error)
    facts = GraphFacts(
        bundle=bundle.digest, openvino=name_version(), files=files, scores=scores, reason=reason
    )
    (folder / FACTS).write_text(facts.model_dump_json(indent=1), "utf-8")


if __name__ == "__main__":
    try:
        prepare(open_bundle(Path(sys.argv[1])), Path(sys.argv[2]))
    except (TbscreenError, ArithmeticError, OSError) as failure:
        sys.exit(str(failure))
