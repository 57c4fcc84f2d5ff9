"""The front door: the one command `tbscreen`, its settings, and the all-in-one `serve`.

Files:

- `cli`: the commands; each imports only what it needs.
- `models_cli`: those that begin with `models`.
- `deliveries_cli`: `tbscreen deliveries`: list, show, replay.
- `film_cli`: `film`: what happened to one film.
- `import_cli`: `models import`.
- `retrain_cli`: `retrain`.
- `conformance_cli`: `conformance`: the DICOM Conformance Statement.
- `rules_cli`: those that begin with `rules`: which films are screened, and which rule decides.
- `report_cli`: `report`.
- `pull_cli`: `pull` and `pulls`.
- `pull_tables`: pulls as a person reads them.
- `pull_checks`: what `doctor` looks at for `[[pulls]]`.
- `pull_bar`: how far a pull is.
- `pulling`: what pulls are made of, for the command and for the gateway's schedules.
- `worklist_cli`: `worklist`: a table, JSON, CSV, or watched.
- `worklist_csv`: the worklist as values that a spreadsheet shows and does not run.
- `export_cli`: `export-labels`.
- `label_export`: read films as pictures and labels for a training run, without patient data.
- `key_file`: a secret key in a file, made where there is none.
- `calibrate_cli`: those that begin with `calibrate`.
- `calibrating`: the reads that a local calibration is derived from.
- `local_calibration`: reads to an operating point of the site's own, and what it would do.
- `calibration_sheet`: one of them as a person reads it.
- `pseudonyms`: names by a keyed hash for patients, films and sites.
- `report_page`: the same report as the page shows it to managers.
- `backup_cli`: `backup` and `restore`.
- `backup_file`: a backup as one file with a manifest; reads and checks it.
- `backing_up`: carries out `backup`: one state of the database, while the service runs.
- `restoring`: carries out `restore`: all or nothing.
- `users_cli`: those that begin with `users`.
- `terminal`: what a command does before and after its work.
- `secret_files`: secrets in files of their own.
- `settings`: one TOML file and `TBSCREEN_…` environment variables, checked at start.
- `settings_reference`: every setting with its default and meaning; `docs/settings.md` is its output.
- `logs`: structured logs, without patient data.
- `gateway_process`: the main function of a gateway.
- `worker_process`: of a worker.
- `courier_process`: of a courier.
- `web_process`: of the page.
- `process_life`: what all processes do alike.
- `monitor`: `/healthz`, `/readyz` and `/metrics` of a process.
- `monitoring_settings`: on which ports.
- `tracing`: switches traces of films on.
- `tracing_checks`: what `doctor` says of them.
- `tracing_settings`: where they go.
- `film_spans`: stages of films as OpenTelemetry spans.
- `readiness`: what must hold for a process to do its work.
- `database_metrics`: what the database says of the whole installation.
- `gateway_metrics`: how full spool and queue are.
- `listener_processes`: several processes that take associations for one gateway.
- `auditing`: opens a process' audit trail.
- `page_audit`: what people did on the page, as audit records.
- `private_redis`: the broker of an installation on one machine.
- `supervisor`: starts processes, waits until they are ready, starts them again, ends them.
- `serve`: the whole service on one machine.
- `default_bundle`: the bundle that comes with tbscreen, registered at first start.
- `activation`: which bundle may become the active one, and the way back.
- `model_comparison`: two bundles score labelled films that neither has seen.
- `model_sheet`: one bundle, or two compared, as a person reads them.
- `retraining`: carries out `retrain`: files in, bundle out.
- `training_progress`: how far a training run is.
- `machine`: the machine in one line.
- `doctor`: checks an installation and says what to do.
- `check`: what it finds of one part.
- `certificate_checks`: what it says of certificates and keys.
- `gpu_proof`: `doctor --gpu`: a device scores as the CPU does, and how fast.
- `prepared_file`: files on disk, read as the gateway reads them.
- `predict`: scores for files on disk, without PACS, broker or database.
- `prediction_output`: those scores as JSON lines, CSV or a table.
- `tables_for_people`: worklist, deliveries and models as a person reads them.
- `trial`: a whole installation in a temporary folder, for demo, benchmarks and tests.
- `demo`: `make demo`: one real film, all the way.

This room knows how to start the others, not how they work.
"""

from importlib.metadata import version

__version__ = version("tbscreen")
