"""Pulls from a PACS that cannot route.

- `pulls`: pulls, and the lease of the process that works on each.
- `listed_studies`: studies that a peer lists, and which of them are to be fetched.
- `pulled_studies`: studies of a pull: taken, completed, failed, wanted again.
"""
