"""Arrays to scores: the Celery worker, and the only Keras at serving time.

Files, in the order in which a film meets them:

- `settings`: concurrency, limits, where bundles are cached.
- `app`: the Celery application: JSON and pickle refused, late acknowledgement, one process per device.
- `tasks`: the task `worker.tasks.screen`.
- `screener`: one request from attempt to committed result.
- `bundle_cache`: bundles fetched from db, verified, on the worker's own disk.
- `bundle`: the bundle format: manifest, digests, what its graph may contain.
- `predictor`: a loaded bundle: arrays in, scores out.
- `calibration`: score to probability, for a prevalence.
- `triage`: probability to finding and priority.

This room imports `db`, and of `dicom_gateway` only the message and the normalization: no DICOM.
"""
