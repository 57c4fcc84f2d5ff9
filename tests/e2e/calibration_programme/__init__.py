"""A simulated programme through the real service, from the plan of its study to thresholds in use.

    python -m tests.e2e.calibration_programme                 # 5,000 people
    python -m tests.e2e.calibration_programme --people 400    # two minutes

- `__main__`: the command; the last line is one JSON object, and the exit status is 0 when all is well.
- `people`: simulated people, and their films by C-STORE.
- `site`: the site around the service: its commands, reads by REST, the laboratory's file.
- `books`: the simulation's own knowledge of its people, counted without the code of the service.
- `programme`: the programme from its plan to a film that is judged by the signed threshold.
"""
