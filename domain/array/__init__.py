"""The array that every model takes, and the check that it shows a frontal chest film.

- `normalization`: display values to float32 (256, 256), 0..1.
- `picture`: PNG and JPEG to display values.
- `array_statistics`: mean, deviation and dark share of an array.
- `upright`: turning of an array, and of what was found in it.
- `image_features`: the features of an array for the image guard.
- `image_guard`: a small network in NumPy that recognizes frontal chest films by these features.
"""
