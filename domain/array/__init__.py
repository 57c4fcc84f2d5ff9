"""The array that every model takes, and the check that it shows a frontal chest film.

- `normalization`: display values to float32 (256, 256), 0..1.
- `picture`: PNG and JPEG to display values.
- `image_features`: about a hundred numbers that describe an array.
- `image_guard`: a small network in NumPy on these numbers: is it a frontal chest film?
"""
