"""Bundles in the database.

- `bundles`: bundles, registered and kept in chunks for worker hosts.
- `admissions`: golden scores and signatures of bundles, and why they are trusted.
- `site_keys`: public keys whose signatures of bundles are trusted.
- `activations`: the history of the active bundle, switched and switched back.
- `comparisons`: two bundles on the same labelled films.
- `shadow_screenings`: results of the bundle in the shadow, compared with the reported ones.
- `threshold_groups`: site thresholds by age and sex.
- `site_thresholds`: operating points of a site that replace those of a bundle.
- `rule_in_thresholds`: rule-in thresholds that screenings used, for their TB scores.
"""
