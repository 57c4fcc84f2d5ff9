"""Rules on the films that may be screened.

- `eligibility`: decides whether a film is screened, or refused with a code and the rule that decided.
- `own_object`: recognizes tbscreen's own objects by the content that was sent.
- `rule_settings`: the settings of a site's own rules.
- `site_rules`: matches films with the site's rules.
- `default_rules`: the rules that hold at every site.
- `description_words`: words for body parts and views in many languages.
- `patient_age`: reads the patient's age.
- `decision`: the decision on one film, and the rule that made it.
"""
