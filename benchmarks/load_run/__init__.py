"""The course of a load run, and its plot.

- `load_course`: films that were sent, and samples of the service.
- `load_plot`: films, queues and memory as a picture.
- `canary_films`: processor time of a canary film.
"""
