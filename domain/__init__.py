"""The ground that all rooms share: codes, the array, the message and the bundle.

- `errors`: the root of all errors, the permanent and the transient.
- `codes`: refusals, doubts, notices, findings, priorities, verdicts.
- `bacteriology`: methods and outcomes of tests, and the truth that they give together.
- `calibration_sampling`: people of a calibration study drawn for a test.
- `calibration_wishes`: wishes about the plan and the threshold of a study.
- `roles`: roles of users, and what each may do.
- `secret_words`: random secrets of cookies, tokens and forms.
- `person_group`: groups of people by age and sex.
- `patient_identity`: the patient of a header, compared as archives coerce it.
- `film_key`: the name of a film in files and logs, without its UID.
- `regions`: outlines around the heat of a film, in its own pixels.
- `notices`: the sentences that every output carries.
- `languages/`: catalogues of messages, and the fonts that scripts need.
- `percentages`: probabilities as text.
- `spreadsheet_cells`: values for CSV files, without formulas.
- `dicom_file`: recognition of DICOM files, with and without preamble.
- `array/`: display values to float32 (256, 256), and the image guard.
- `screening_request`: the message from a gateway to the workers.
- `viewing/`: scale of a film, and parts of it at full resolution, for the page.
- `silent_links`: timeouts for connections whose other end vanished.
- `witness`: whether a film ended the process that worked on it, or something outside did.
- `referral_watch`: whether a site refers more people than expected, without any label.
- `film_stage`: one stage of a film, for logs and traces.
- `bundle/`: the bundle: manifest, digests, calibration, and from score to finding.

It needs NumPy, contourpy, Pillow, pydantic, structlog and Babel, and imports no other room.
"""
