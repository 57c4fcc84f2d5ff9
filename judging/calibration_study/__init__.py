"""Accuracy by bacteriology where a sample of people was tested: the calibration study's statistics.

Pure functions over arrays; nothing here knows the database.

- `verified_sample`: people with scores, of whom a sample with known strata was tested.
- `weighted_counts`: weighted counts of events and their variances at thresholds.
- `accuracy`: sensitivity, specificity, PPV and NPV with intervals, or the reason why there is none.
- `missing_results`: bounds where results are missing not at random.
- `threshold_choice`: a threshold under a policy, and its cross-fitted figures.
- `sample_size`: people and tests for a wanted precision.
"""
