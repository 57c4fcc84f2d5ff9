"""Labelled images to model bundles, offline.

Files, in the order of a run of `tbscreen retrain`. Films:

- `labelled_film`: what is known of one image.
- `film_files`: finds the files.
- `film_labels`: labels from a CSV, from folder names, from file names.
- `film_store`: the arrays of all films, on disk.
- `film_index`: all of that put together, and what is wrong with the rest.
- `split`: train, validation and test films, by patient.

Learning:

- `retrain`: the whole run: split, train, calibrate, choose operating points, evaluate.
- `recipe`: what a way of training has to offer.
- `recipes`: which recipe makes which architecture, from which weights.
- `lite0`: the default network.
- `lite0_recipe`: how it learns.
- `lite0_weights`: ImageNet weights to begin with.
- `torch_file`: reads them without unpickling.
- `film_sampler`: its batches: balanced, changed at random, with what is known of each cell.
- `augmentation`: what one film may look like elsewhere.
- `transplants`: lesions moved between films of different hospitals.
- `architectures`: the tutorial's two networks, layer for layer.
- `tutorial_recipe`: how they learn.
- `vgg16_weights`: the published weights of VGG16, from a file.
- `precision`: float32 or bfloat16.
- `fit`: the loop over the epochs: early stopping, resumable.
- `finished_network`: the graph that goes into a bundle.

Judging:

- `scored_films`: films with one model's scores, and `films.csv`.
- `statistics`: AUC, proportions and the like with 95 % intervals.
- `calibration_fit`: scores to probabilities: Platt's or isotonic, by cross-validation.
- `operating_points`: thresholds, chosen on validation films and measured on test films.
- `baselines`: what greys, borders and thumbnails tell without a look at the lung.
- `heat_maps`: whether a model looks where readers marked lesions.
- `evaluation`: all figures of a model, by place, label and subgroup, the baselines beside them.
- `unseen_sources`: figures of places that a network of the same kind was trained without.
- `comparison`: two models on the same films.

Writing down:

- `retrained_bundle`: bundle, report and model card of a run.
- `worst_films`: pictures of the worst errors, where somebody asks for them.
- `wording`: how reports write a figure.
- `svg_figure`: a picture as SVG.
- `plots`: pictures of an evaluation.
- `training_plots`: pictures of the films and the epochs.
- `report_facts`: what a report says that is no figure.
- `model_card`: what a model is for and where it must not be believed.
- `report`: the report, one HTML file.
- `templates/`: its page and style.

The gateway's image guard, which is no bundle:

- `image_guard`: trains it, and measures it on places and subjects that it has not seen.
- `guard_examples`: what it learns from and is measured on.
- `guard_pictures`: chest films changed, turned and cut; test patterns.
- `guard_phantoms`: radiographs of other parts of the body, drawn.

Other ways to a bundle:

- `keras_graph`: a model JSON of Keras 2 or 3, rewritten without what could run code.
- `tutorial_model`: models that the tutorial made, as bundles.
- `training_error`: the root of this room's errors.

This room imports no Celery, opens no network connection and knows no database table. Of `dicom_gateway`
and `worker` it takes the pure modules: normalization, image guard and bundle format.
"""
