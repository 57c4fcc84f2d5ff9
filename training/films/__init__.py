"""Labelled images: found, labelled, stored as arrays, split by patient.

- `labelled_film`: what is known of one image.
- `film_files`: finds the files.
- `film_labels`: labels from a CSV, from folder names, from file names.
- `film_store`: the arrays of all films, on disk.
- `film_index`: all of that put together, and what is wrong with the rest.
- `split`: train, validation and test films, by patient.
"""
