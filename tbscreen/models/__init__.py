"""Bundles as commands use them.

- `default_bundle`: the bundle that ships, registered at first start.
- `examination`: the child process that computes a bundle's network within limits.
- `signing`: site keys, which sign bundles.
- `trust`: the reasons to trust a bundle.
- `registration`: a bundle examined and stored; its seal.
- `bundle_lookup`: registered bundles as a person names them.
- `films_at_hand`: two networks on the films of this site.
- `proof`: a registered bundle, trusted and examined before it is used.
- `activation`: activation, rollback, shadow.
- `model_change`: the record of a change, and its words.
- `changes`: a change of the bundle in use, as it is done, recorded and told.
- `site_threshold_use`: site thresholds taken into use and out of it.
- `comparison`: two bundles on labelled films that neither has seen.
- `prepared_file`: files on disk, read as the gateway reads them.
- `prediction`: scores of files on disk.
- `verification`: a screened film computed again.
- `retraining`: carries out `retrain`.
"""
