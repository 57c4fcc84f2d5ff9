"""The worklist page and its JSON, over db. No DICOM, no Keras.

Files:

- `settings`: address and port.
- `application`: the Starlette application: `/`, `/api/v1/worklist`, `/healthz`, `/readyz`.
- `templates/`: the page.
"""
