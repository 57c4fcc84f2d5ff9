"""The front door: the one command `tbscreen`, its settings, and the all-in-one `serve`.

Files:

- `cli`: the commands; each imports only what it needs.
- `settings`: one TOML file and `TBSCREEN_…` environment variables, checked at start.
- `settings_reference`: every setting with its default and meaning; `docs/settings.md` is its output.
- `logs`: structured logs, without patient data.
- `processes`: the main function of each kind of process: gateway, worker, courier, web.
- `private_redis`: the broker of an installation on one machine.
- `supervisor`: starts processes, waits until they are ready, starts them again, ends them.
- `serve`: the whole service on one machine.
- `default_bundle`: the bundle that comes with tbscreen, registered at first start.
- `doctor`: checks an installation and says what to do.
- `predict`: scores for files on disk, without PACS, broker or database.
- `prediction_output`: those scores as JSON lines, CSV or a table.
- `tables_for_people`: worklist, deliveries and models as a person reads them.
- `trial`: a whole installation in a temporary folder, for demo, benchmarks and tests.
- `demo`: `make demo`: one real film, all the way.

This room knows how to start the others, not how they work.
"""

from importlib.metadata import version

__version__ = version("tbscreen")
