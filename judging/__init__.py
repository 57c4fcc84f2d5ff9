"""Estimates with 95 % intervals, and thresholds, over SciPy: for training, reports and the front door.

- `statistics`: AUC, proportions and other figures with 95 % intervals.
- `kappa`: agreement of two raters beyond chance.
- `wording`: estimates as text.
- `calibration_study/`: accuracy for TB where a sample of people was tested.
- `paired_referral`: two networks on the same films: what each refers, and equivalent thresholds.
- `operating_points`: thresholds, chosen on validation films and measured on test films.

Of the rooms, it imports `domain` alone.
"""
