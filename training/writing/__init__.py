"""Results of a run: bundle, report, model card, figures.

- `naming`: names of bundle and report.
- `retrained_bundle`: bundle, report and model card of a run.
- `worst_films`: pictures of the worst errors, on request.
- `wording`: text for figures and names.
- `plots`: plots of an evaluation.
- `training_plots`: plots of the films and the epochs.
- `left_out_tables`: tables about hospitals that the scoring network did not see.
- `report_facts`: facts of a report besides the figures.
- `model_card`: purpose, figures and limits of a model.
- `report`: the evaluation report, one HTML file.
- `templates/`: the page of the report.
"""
