"""Tests of `dicom_gateway.tiles`."""
