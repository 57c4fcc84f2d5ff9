"""Bacteriology results: the truth that scores and reads are measured against.

- `laboratory_words`: results as laboratories write them, checked.
- `results`: results with their history: recorded, corrected, listed, deleted.
- `links`: the study that each result belongs to, or the reason why none.
- `truths`: the truth of each study, from its results.
- `reference`: reads, bacteriology or both, as one verdict for each study.
"""
