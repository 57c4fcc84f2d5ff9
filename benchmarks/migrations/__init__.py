"""Durations of migrations that fill what they add.

- `reads`: each reader's own read (0031).
"""
