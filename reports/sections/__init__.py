"""The sections of a report, in words and tables, which text, HTML and PDF share.

Files, in the order of the sections:

- `section`: a section: title, paragraphs and tables.
- `all_sections`: all of them; a section without figures says why.
- `films`: films by result.
- `period_before`: the main figures beside those of the period before.
- `findings`: findings and priorities, and films by the threshold that judged them.
- `turnaround`: durations of the stages.
- `deliveries`: deliveries of reports to peers.
- `agreement`: agreement of models with reads or bacteriology.
- `disagreements`: studies to review.
- `drift`: weeks whose films or scores differ from the reference.
- `method`: the making of a report.
"""
