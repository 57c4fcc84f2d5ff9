"""`tbscreen`, with one difference: the process that is to compute a poisoned film kills itself, or hangs.

It stands for a film that makes native code crash or go on for ever. Nothing of it is in the product.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chaos.films import Poison, find_poison
from tbscreen.cli import main
from worker.network_opener import NetworkOpener

if TYPE_CHECKING:
    from worker.screening_network import ScreeningNetwork

open_sound = NetworkOpener.open


def open_poisonable(opener: NetworkOpener, digest: str) -> ScreeningNetwork:
    """Open a network that dies of marked arrays."""
    network = open_sound(opener, digest)
    predict = network.predict_with_heat

    def predict_or_die(arrays: npt.NDArray[np.float32]) -> Any:
        poisons = {find_poison(array) for array in arrays}
        if Poison.KILLS in poisons:
            os.kill(os.getpid(), signal.SIGKILL)
        while Poison.HANGS in poisons:
            time.sleep(1)
        return predict(arrays)

    network.predict_with_heat = predict_or_die  # type: ignore[method-assign]
    return network


if __name__ == "__main__":
    setattr(NetworkOpener, "open", open_poisonable)  # noqa: B010
    main()
