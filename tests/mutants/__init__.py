"""Mutants: each takes one guard away, and the test that the threat model names for it must fail.

`python -m tests.mutants` runs them; docs/administrator/security.md says which guards there are.

- `mutant`: one change of a guard.
- `guards/`: the mutants of each part of the threat model, and lines without a mutant, with the reason.
- `coverage`: the lines of the threat model that have a mutant.
- `trial`: one mutant's test on a copy of the tree, with limits of memory and time.
"""
