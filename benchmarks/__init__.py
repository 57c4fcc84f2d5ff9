"""Measurements that anyone can run: `python -m benchmarks.NAME`; the last line is one JSON object.

- `inference`: from arrays in memory to scores, against the tutorial's `model.predict`.
- `batches`: films from several processes through a device process.
- `normalization`: from a DICOM file to an array, against the naive way.
- `reception`: C-STORE reception, against DCMTK's storescp and Orthanc.
- `reduced_decoding`: what JPEG 2000 at half its size would save and cost.
- `round_trip`: from C-STORE request to the SR stored in the peer.
- `peers/`: the same, in turns with what a hospital would write itself, and with earlier commits.
- `stage_costs`: the cost of one film in each stage; `transaction_costs`: of its commits.
- `capacity/`: a day of films through a site, simulated from these costs; `sizing` and `scaling_tables` write
  the tables of the documents from them.
- `load`: twice the capacity for minutes (`load_run/`).
- `worklist`, `report`, `backup`, `probes`, `image_guard`, `guard_films`: as named.
- `migrations/`: durations of migrations that fill what they add.
- `inputs/`: films and databases to run on.
- `calibration_study/`: simulated programmes against the statistics of the calibration study.
- `coerced_patients`: false and missed notices on patients as archives coerce them.
- `training`: the loop of training, against the tutorial's.
"""
