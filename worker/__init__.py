"""Arrays to scores: the Celery worker.

- `settings`: concurrency, limits, the folder of the bundle cache.
- `app`: the Celery application: late acknowledgement, one process per device, no pickle.
- `watchdog`: replaces a predicting process that shows no sign of life.
- `film_strikes`: strikes of films that ended their predicting process, on the way to the database.
- `time_limit`: the soft time limit, put off while a network is loaded.
- `celery_repairs/`: corrections of Celery, kombu and billiard.
- `tasks`: the task `worker.tasks.screen`.
- `screener`: one request from attempt to committed result.
- `shadow`: scores of the bundle in the shadow: recorded, not reported.
- `canary_scorer`: scores of canary films.
- `bundle_cache`: bundles from db, verified, on the disk of the worker.
- `network_opener`: a bundle's network on the fastest runtime of this host.
- `batches/`: films in batches, where one device serves several predicting processes.
- `screening_network`: a loaded network: arrays in, scores out, on any runtime.
- `predictor`: a bundle loaded by Keras.
- `prepared_network`: a bundle's graph for OpenVINO, which runs without Keras.
- `graph_preparation`: the child process that makes it.
- `golden_arrays`: drawn arrays on which runtimes are compared, and a network with its golden scores.
- `network_examination`: a network before it is admitted: finite numbers alone, also inside.
- `runtimes/`: Keras and OpenVINO, and the devices they compute on.
- `metrics`: Prometheus counters of a worker.

This room imports `db`, `networks` and `domain`, and knows no DICOM.
"""
