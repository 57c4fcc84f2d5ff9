"""The pages of administrators, under `/administration`: those of the commands for daily work.

- `installation`: the parts of an installation that web cannot see itself; the front door passes them in.
- `background`: long work that a page starts and whose end it shows.
- `status_page`: checks, processes, queues, stations.
"""
