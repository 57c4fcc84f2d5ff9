"""Ends the processes of a supervisor that was killed: `python -m tbscreen.processes.undertaker DIRECTORY`.

Its standard input is a pipe that only the supervisor holds open. The kernel closes it however the supervisor
ends. After an orderly end no record is left, and nothing is to be done.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from tbscreen.processes.process_records import end_recorded


def main() -> None:
    """Wait until the supervisor is gone, then end what it has left."""
    # Who ends a whole group of processes means the supervisor too; the end of the pipe follows.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end_recorded(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
