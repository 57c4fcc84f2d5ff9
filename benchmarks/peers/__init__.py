"""The round trip of this tree against peers in one run, in turns: A B A B.

    python -m benchmarks.peers [script] [COMMIT …] [--films 40] [--rounds 2] [--associations 1]

`script` is what a hospital would write for itself: Orthanc, and a Python script on its REST changes feed. A
commit is measured in a worktree of its own, with the round trip of its own tree.

- `__main__`: the turns, and the ratios.
- `orthanc_script`: the hospital's script; it imports nothing of tbscreen but the layers of the bundle.
- `script_site`: Orthanc and the script as processes, and the films through them.
- `tree_round_trip`: `benchmarks.round_trip` of any tree, with the processor time of each part.
- `process_times`: processor time of a process and all its descendants.
"""
