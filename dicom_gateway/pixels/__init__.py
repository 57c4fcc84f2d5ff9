"""Pixels of a film: from its DICOM file to display values and a rendition.

- `codestream`: reads the size of a compressed frame before it is decoded.
- `grey_transforms`: modality transform, window, lookup tables and inversion of a film, as data.
- `rendering`: turns stored values into display values, strip by strip.
- `rendition`: the 8-bit JPEG of a film, which the database keeps.
- `frame_decoding`: decodes the stored values with the fastest correct decoder.
- `mapped_frame`: maps an uncompressed frame into memory.
- `decoding_process`: the child process in which films are decoded.
- `radiograph`: DICOM to display values: decoding, lookup tables, window, MONOCHROME1.
"""
