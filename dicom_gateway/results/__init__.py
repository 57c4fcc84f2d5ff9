"""DICOM objects made of a screened or refused film: SR documents and pictures.

- `source_header`: a film's header from the database, cleaned for use as a report's evidence.
- `report_wording`: the texts that all objects share.
- `algorithm_equipment`: the model as equipment that contributed to an object.
- `report_identity`: the values from which the UIDs of objects derive.
- `finding_outlines`: the regions and the analysed field of a result, in the film's pixels.
- `structured_report`: the DICOM SR of one screening.
- `report_content`: the values in which these documents differ.
- `prepared_report`: sets them in a document that highdicom has built once.
- `encoded_template`: an encoded dataset of which some values are set anew.
- `sr_document`: the parts that all SR documents share.
- `sr_regions`: regions and field as content of an SR.
- `presentation_state`: outline and text of one screening over the film itself, for viewers that apply them.
- `secondary_capture`: the picture of one screening as DICOM, for viewers without SR.
- `result_picture`: draws the picture: film, heat map, legend, text.
- `score_bar`: draws the bar of a TB score.
- `heat_overlay`: lays a heat map's colours over a film; NumPy and Pillow only.
- `refusal_report`: the DICOM SR of a film that was not analysed, with the reason.
- `object_summary`: the content of a sent object as lines of text.
- `report_encoding`: encodes objects in the film's character set and time zone.
"""
