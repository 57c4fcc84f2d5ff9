"""Labelled images to model bundles, offline.

Files:

- `labelled_film`: what is known of one image.
- `architectures`: the networks, layer for layer.
- `untrained`: writes a bundle with random weights that says so, for a first installation.

This room imports no Celery, opens no network connection and knows no database table. Of `dicom_gateway`
and `worker` it takes the pure modules: the normalization and the bundle format.
"""
