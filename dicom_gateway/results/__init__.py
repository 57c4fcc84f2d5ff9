"""DICOM objects made of a screened or refused film: SR documents and pictures.

- `source_header`: a film's header from the database, cleaned for use as a report's evidence.
- `report_wording`: the texts that all objects share.
- `structured_report`: the DICOM SR of one screening.
- `sr_document`: the parts that all SR documents share.
- `secondary_capture`: the picture of one screening as DICOM, for viewers without SR.
- `result_picture`: draws the picture: film, heat map, legend, text.
- `heat_overlay`: lays a heat map's colours over a film; NumPy and Pillow only.
- `refusal_report`: the DICOM SR of a film that was not analysed, with the reason.
- `object_summary`: the content of a sent object as lines of text.
- `report_encoding`: encodes objects in the film's character set and time zone.
"""
