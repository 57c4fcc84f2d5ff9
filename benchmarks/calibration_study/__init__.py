"""Simulated programmes against the statistics of the calibration study (`judging.calibration_study`).

    python -m benchmarks.calibration_study [--programmes 2000] [--policies 1000] [--cells 1000]
        [--equivalents 1000] [--write]

- `__main__`: the tables, and one JSON object as the last line; `--write` puts them into
  docs/models/calibration-study.md.
- `programmes`: programmes with known truth: people, scores, TB, who is tested and who has a result.
- `coverage`: coverage, width and bias of each estimate over many programmes, with the naive estimate beside
  it.
- `policies`: the true sensitivity of thresholds that were recommended.
- `cells`: thresholds by age and sex that were recommended.
- `equivalents`: the interval of the equivalent threshold of a new network.
- `tables`: the results as tables for the document.

Nothing here is measured in time: the same seed gives the same figures.
"""
