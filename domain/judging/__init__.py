"""Estimates with 95 % intervals, and thresholds.

- `statistics`: AUC, proportions and other figures with 95 % intervals.
- `operating_points`: thresholds, chosen on validation films and measured on test films.
"""
