"""Labelled images to model bundles, offline.

Packages and files, in the order of a run of `tbscreen retrain`; each package's docstring lists its files:

- `retrain`: the whole run: split, train, calibrate, choose operating points, evaluate.
- `retrain_settings`: the choices of the person who retrains.
- `films/`: labelled images: found, labelled, stored as arrays, split by patient.
- `learning/`: networks and how they learn.
- `judging/`: what a model is worth, on films that it has not seen.
- `writing/`: a run written down: bundle, report, model card, figures.

Besides:

- `guard/`: the gateway's image guard, which is no bundle: what it learns from, and how.
- `keras_graph`: a model JSON of Keras 2 or 3, rewritten without what could run code.
- `tutorial_model`: models that the tutorial made, as bundles.

This room imports `networks`, `figures`, `judging` and `domain`. It knows no Celery and no
database, and opens no network connection.
"""
