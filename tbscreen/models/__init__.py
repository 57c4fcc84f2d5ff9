"""Bundles as commands use them.

- `default_bundle`: the bundle that ships, registered at first start.
- `bundle_lookup`: registered bundles as a person names them.
- `activation`: activation, rollback, shadow.
- `comparison`: two bundles on labelled films that neither has seen.
- `prepared_file`: files on disk, read as the gateway reads them.
- `prediction`: scores of files on disk.
- `retraining`: carries out `retrain`.
"""
