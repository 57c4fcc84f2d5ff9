"""DICOM objects made of a screened or refused film: SR documents and pictures.

- `source_header`: a film's header from db, made fit to be a report's evidence.
- `report_wording`: what every object says of itself.
- `structured_report`: the DICOM SR of one screening.
- `sr_document`: what all SR documents share.
- `secondary_capture`: the picture of one screening, as DICOM, for viewers that show no SR.
- `result_picture`: the picture itself: film, heat map, legend, text.
- `heat_overlay`: a heat map's colours, laid over a film; NumPy and Pillow only.
- `refusal_report`: the DICOM SR that says that a film was not analysed, and why.
- `object_summary`: what a sent object says, as lines of text.
- `report_encoding`: writes what is made of a film in its character set and time zone.
"""
