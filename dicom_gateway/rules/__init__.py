"""Rules on the films that may be screened.

- `eligibility`: decides on a film: screened, or refused with a code and the rule that decided.
- `rule_settings`: a site's own rules.
- `site_rules`: matches a film with them.
- `default_rules`: the rules that hold at every site.
- `patient_age`: the patient's age.
- `decision`: the decision on one film, and the rule that made it.
"""
