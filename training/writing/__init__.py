"""A run written down: bundle, report, model card, figures.

- `retrained_bundle`: bundle, report and model card of a run.
- `worst_films`: pictures of the worst errors, where somebody asks for them.
- `wording`: how reports write a figure.
- `plots`: pictures of an evaluation.
- `training_plots`: pictures of the films and the epochs.
- `report_facts`: what a report says that is no figure.
- `model_card`: what a model is for and where it must not be believed.
- `report`: the report, one HTML file.
- `templates/`: its page.
"""
