"""Measurements that anyone can run: `python -m benchmarks.NAME`; the last line is one JSON object.

- `machine`: what it ran on.
- `inference`: from arrays in memory to scores, against the tutorial's `model.predict`.
- `round_trip`: from C-STORE request to the SR stored in the peer.
"""
