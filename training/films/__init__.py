"""Labelled images: found, labelled, stored as arrays, split by patient.

- `labelled_film`: an image with its label and other properties.
- `film_files`: the search for image files.
- `film_labels`: labels from a CSV, from folder names, from file names.
- `film_store`: the arrays of all films, on disk.
- `film_index`: the usable films of a run, and the problems of the other files.
- `split`: train, validation and test films, by patient.
"""
