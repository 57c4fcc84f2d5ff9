"""Lines of the threat model without a mutant, with the reason."""

from collections.abc import Mapping
from typing import Final

REASONS: Final[Mapping[str, str]] = {
    "the next user of a tab finds what the last one typed or searched": "the guard is a script, web/static/theme.js, "
    "and mutants are of Python",
    "any byte of a film changed": "the guards are those of the lines above; the fuzzer finds what no line names",
    "a Keras file to be imported that runs code": "two guards, one behind the other: training/keras_graph.py and "
    "domain/bundle/graph_structure.py, which has the mutant graph-layers",
}
