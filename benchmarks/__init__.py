"""Measurements that anyone can run: `python -m benchmarks.NAME`; the last line is one JSON object.

- `machine`: what it ran on.
- `full_size_films`: films as large as a detector makes them.
- `inference`: from arrays in memory to scores, against the tutorial's `model.predict`.
- `normalization`: from a DICOM file to an array, against the naive way.
- `reception`: C-STORE reception, against DCMTK's storescp and Orthanc.
- `reduced_decoding`: what JPEG 2000 at half its size would save and cost.
- `round_trip`: from C-STORE request to the SR stored in the peer.
- `stage_costs`: what one film costs in each stage, kept in `measured.json`; with `measured`,
  `process_costs`, `commit_rate` and `transaction_costs`.
- `capacity/`: a day of films through a site, simulated from these costs.
- `training`: the loop of training, against the tutorial's.
"""
