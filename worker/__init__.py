"""Arrays to scores: the Celery worker, and the only Keras at serving time.

Files, in the order in which a film meets them:

- `settings`: concurrency, limits, where bundles are cached.
- `app`: the Celery application: JSON and pickle refused, late acknowledgement, one process per device.
- `watchdog`: replaces a predicting process that shows no sign of life.
- `broker_channel`: reads the queue and drops what is no message.
- `half_written`: lets a worker that ends write out the film that it has begun to hand to a process.
- `tasks`: the task `worker.tasks.screen`.
- `film_request`: says whose predicting process ended.
- `screener`: one request from attempt to committed result.
- `shadow`: then, where a bundle runs in the shadow, what it says of the film: recorded, not reported.
- `bundle_cache`: bundles fetched from db, verified, on the worker's own disk.
- `bundle`: the bundle format: manifest, digests, what its graph may contain.
- `predictor`: a loaded bundle: arrays in, scores out, by the runtime that suits this machine.
- `layers`: layers of the house's own networks, registered with Keras.
- `golden_arrays`: what one way of predicting is compared with another on.
- `weights_file`: looks at the weights before Keras does.
- `keras_runtime`: Keras, in float32 or bfloat16.
- `openvino_runtime`: OpenVINO, where it is installed; it never calls out.
- `tensorflow_backend`: what only TensorFlow can do.
- `devices`: what the backend computes on; the only place where TensorFlow, JAX and PyTorch differ.
- `metrics`: what a worker counts.
- `calibration`: score to probability, for a prevalence.
- `triage`: probability to finding and priority.

This room imports `db`, and of `dicom_gateway` only the message and the normalization: no DICOM.
"""
