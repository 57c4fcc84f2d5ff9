"""Films and databases that benchmarks run on.

- `full_size_films`: films as large as a detector makes them.
- `result_filling`: a database of screened films.
- `worklist_filling`: a database of studies on the worklist.
"""
