"""Bundles in the database.

- `bundles`: bundles, registered and kept in chunks for worker hosts.
- `activations`: the history of the active bundle, and the way back.
- `comparisons`: two bundles on the same labelled films.
- `shadow_screenings`: results of the bundle in the shadow.
- `site_thresholds`: operating points of a site, in place of those of the bundle.
"""
