"""From a film's file to the array that a model takes.

- `codestream`: what a compressed frame says of its own size, before a decoder believes it.
- `rendering`: stored values become display values, strip by strip.
- `rendition`: the film as people see it, kept in db.
- `frame_decoding`: the pixels as they are stored, by the quickest decoder that reads them right.
- `radiograph`: DICOM to display values: decoding, lookup tables, window, MONOCHROME1.
"""
