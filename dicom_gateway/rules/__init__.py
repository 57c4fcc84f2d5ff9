"""Which films may be screened.

- `eligibility`: may this film be screened? If not: a coded refusal, and the rule that decided.
- `rule_settings`: a site's own rules.
- `site_rules`: does a film meet one of them?
- `default_rules`: the rules that hold at every site.
- `patient_age`: how old the patient was.
- `decision`: the decision on one film, and the rule that made it.
"""
