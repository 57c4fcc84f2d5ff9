"""The command; see the package."""

from __future__ import annotations

import argparse
import json
import sys

from rich.console import Console

from tests.e2e.calibration_programme.programme import run_programme


def main() -> None:
    """Run a programme, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=5000, help="people of the study (default: %(default)s)")
    outcome = run_programme(parser.parse_args().people, Console(stderr=True).print)
    sys.stdout.write(json.dumps(outcome) + "\n")
    sys.exit(0 if outcome["good"] else 1)


if __name__ == "__main__":
    main()
