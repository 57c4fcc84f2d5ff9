"""The commands of `tbscreen`, one file each.

- `index`: the commands by name, imported when they are called.
- `processes`: `serve`, `gateway`, `worker`, `courier`, `web`.
- `doctor`: `doctor`.
- `canary`: `canary`.
- `worklist`: `worklist`: a table, JSON, CSV, or watched.
- `film`: `film`: the history of one film; `retry`.
- `deliveries/`: `deliveries list`, `show`, `replay`, and `deliveries hl7`.
- `notices`: `notices list`, `replay`, `test`.
- `pull`: `pull` and `pulls`.
- `rules`: `rules list` and `test`.
- `report`: `report`.
- `export_labels`: `export-labels`.
- `bacteriology/`: `results import`, `list`, `export`, `link`, `delete`.
- `calibration/`: `calibrate propose`, `activate` and others; `study plan`, `start` and others.
- `models`: `models list`, `show`, `activate` and others.
- `keys`: `keys create`, `trust` and others.
- `model_import`: `models import`.
- `retrain`: `retrain`.
- `patients/`: `patients conflicts`, `resolve`, `merge`, `move`, `split` and others.
- `predict`: `predict`.
- `users`: `users add`, `token` and others.
- `storage/`: `renditions delete`, `spool list`, `take-over` and `delete`.
- `backup`: `backup` and `restore`.
- `documents/`: `conformance`, `dossier`.
- `settings`: `settings`, `settings check`.
- `installation`: `db upgrade`, `demo`.
"""
