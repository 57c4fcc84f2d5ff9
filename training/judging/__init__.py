"""What a model is worth, on films that it has not seen.

- `scored_films`: films with one model's scores, and `films.csv`.
- `calibration_fit`: scores to probabilities: Platt's or isotonic, by cross-validation.
- `baselines`: what greys, borders and thumbnails tell without a look at the lung.
- `heat_maps`: whether a model looks where readers marked lesions.
- `evaluation`: all figures of a model, by place, label and subgroup, the baselines beside them.
- `unseen_sources`: figures of places that a network of the same kind was trained without.
- `comparison`: two models on the same films.
- `admission`: policy of activation: the bundles that may become the active one.
"""
