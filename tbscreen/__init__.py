"""The front door: the command `tbscreen`, its settings, and the all-in-one `serve`.

- `cli`: the command line; each command imports only what it needs.
- `settings`: one TOML file and `TBSCREEN_…` environment variables, checked at start.
- `settings_errors`: errors of settings as sentences.
- `settings_reference`: every setting with its default and meaning, for `docs/administrator/settings.md`.
- `secret_files`: secrets in files of their own.
- `key_file`: a secret key in a file, made if missing.
- `machine`: the machine in one line.
- `commands/`: one file a command.
- `terminal/`: tables, bars and sheets in a terminal.
- `processes/`: gateway, worker, courier and page as processes; the supervisor.
- `monitoring/`: health, metrics and traces of a process.
- `doctor/`: checks of an installation.
- `models/`: activation, comparison, retraining, prediction from files.
- `administration/`: the installation as the pages of administrators see it.
- `calibration_study/`: a calibration study of this installation, for commands and page.
- `backup/`: backup and restore.
- `dossier/`: documents about an installation, for assessors.
- `demo/`: `make demo`, and a temporary installation.
- `bundles/`: the bundle that ships.

This room starts the others and does not know how they work.
"""

from importlib.metadata import version

__version__ = version("tbscreen")
