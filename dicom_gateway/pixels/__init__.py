"""From a film's file to the array that a model takes.

`normalization`, `picture`, `image_features` and `image_guard` are pure: NumPy and Pillow alone; worker and
training use them, too.

- `codestream`: what a compressed frame says of its own size, before a decoder believes it.
- `rendering`: stored values become display values, strip by strip.
- `rendition`: the film as people see it, kept in db.
- `frame_decoding`: the pixels as they are stored, by the quickest decoder that reads them right.
- `radiograph`: DICOM to display values: decoding, lookup tables, window, MONOCHROME1.
- `normalization`: display values to float32 (256, 256), 0..1; NumPy and Pillow only, training uses it too.
- `image_features`: an array described by some hundred numbers.
- `image_guard`: is it a frontal chest film? A small network in NumPy.
- `picture`: PNG and JPEG to display values, for prediction from files and for training.
"""
