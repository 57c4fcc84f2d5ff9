"""The DICOM Conformance Statement (PS3.2), made of the tables that the code works with.

- `statement`: the document, chapter by chapter.
- `entities`: its chapters on the application entities.
- `annexes`: its annexes.
- `services`: which SOP classes in which role, as they are negotiated.
- `statuses`: what is answered, and what follows from what peers answer.
- `object_attributes`: attributes of the sent objects, read from objects built for it.
- `sample`: a made-up result to build them of.
- `markdown`: tables.
"""
