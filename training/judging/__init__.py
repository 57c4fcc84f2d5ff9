"""Evaluation of a model on films that it has not seen.

- `scored_films`: films with the scores of one model, and `films.csv`.
- `calibration_fit`: the choice of a calibration, Platt or isotonic, by cross-validation.
- `baselines`: two trivial baselines on greys, borders and thumbnails.
- `heat_maps`: agreement of heat maps with the lesions that readers marked.
- `region_figures`: agreement of a film's regions with them.
- `evaluation`: all figures of a model, by source, label and subgroup, beside those of the baselines.
- `left_out_figures`: the spread of each operating point between left-out hospitals.
- `unseen_sources`: figures of sources that a network of the same kind was trained without.
- `comparison`: comparison of two models on the same films.
- `verdict`: the verdict on a trained network in one sentence.
- `admission`: policy of activation: the bundles that may become the active one.
"""
