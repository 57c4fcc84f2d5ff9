"""Pulls from a PACS that cannot route.

- `pulls`: pulls, and the process that holds each.
- `pulled_studies`: studies that a pull found: wanted, fetched, failed.
"""
