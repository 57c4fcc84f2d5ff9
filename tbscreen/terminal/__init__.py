"""Output for people in a terminal.

- `command_audit`: audit records of commands that change accounts, bundles, site keys or patients.
- `invocation`: settings, database, JSON and error line of a command.
- `command_end`: what the end of a command closes.
- `day_options`: days as options.
- `terminal_tables`: worklist, deliveries and models as tables.
- `message_tables`: HL7 messages.
- `notice_table`: notices.
- `worklist_csv`: the worklist as CSV without formulas.
- `pull_bar`: progress of a pull.
- `pull_tables`: pulls and their failures as tables.
- `model_sheet`: one bundle, or two compared.
- `prediction_output`: scores as JSON lines, CSV or a table.
- `training_progress`: progress of a training run.
"""
