"""A temporary installation.

- `trial`: a whole installation in a temporary folder, for demo, benchmarks and tests.
- `demo`: `make demo`: one real film, all the way.
"""
