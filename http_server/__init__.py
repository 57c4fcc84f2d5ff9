"""The parts that two HTTP servers share: that of the page, and that of the gateway for DICOMweb.

- `request_deadline`: time limits of a request.
- `request_framing`: refuses a request with two lengths.
- `own_address`: recognition of addresses that only this machine reaches.
- `problem`: problem documents (RFC 9457).

It imports `domain` alone, and knows neither pages nor DICOM.
"""
