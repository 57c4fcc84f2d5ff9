"""The commands `tbscreen results …`: bacteriology results.

- `result_file`: a CSV of results, read with every bad line named.
- `result_table`: results with their links, as a table and as CSV.
- `results`: `results import`, `list`, `export`, `link`, `delete`.
"""
