"""Labelled images to model bundles, offline.

Packages and files, in the order of a run of `tbscreen retrain`; each package's docstring lists its files:

- `retrain`: the whole run: split, train, calibrate, choose operating points, evaluate.
- `retrain_settings`: the options of a run.
- `run_checks`: options that exclude each other, the split, groups to leave out: before Keras loads.
- `left_out`: scores of hospitals by networks that never saw them.
- `training_run`: one training, which a killed run resumes.
- `films/`: labelled images: found, labelled, stored as arrays, split by patient.
- `learning/`: networks and their training.
- `judging/`: evaluation of a model on films that it has not seen.
- `writing/`: results of a run: bundle, report, model card, figures.

Besides:

- `guard/`: training of the gateway's image guard, which is not a bundle.
- `keras_graph`: a model JSON of Keras 2 or 3, rewritten without parts that could run code.
- `tutorial_model`: conversion of the tutorial's models to bundles.

This room imports `networks`, `figures`, `judging` and `domain`. It uses neither Celery nor a
database, and opens no network connection.
"""
