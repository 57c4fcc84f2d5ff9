"""A day of films through a site that is described by its hosts, simulated film by film.

    python -m benchmarks.capacity [--plot docs/pictures/capacity.png] [--write]

- `__main__`: the scenarios, what comes of them, the check against the measured load.
- `arrivals`: when films come: a hospital's day, and vans that send a day's films at once.
- `simulation`: the events: films, stages with so many places, pools that stages share, outages.
- `site`: stages and pools of a site from its hosts and the measured cost of a film.
- `scenarios`: 1,000, 100,000 and 10,000,000 films a day, with and without outages.
- `outcome`: turnaround, what waits, what is busiest.
- `capacity_plot`: the days as a picture.
- `day_table`: the same as tables for docs/administrator/scaling.md.
- `measured`: the measured figures; `measured.json` holds them.
- `process_costs`: the CPU time that processes used.
- `commit_rate`: commits a second that a disk makes durable.
- `load_check`: the simulation against `python -m benchmarks.load`.

The event loop is a heap and needs no library: SimPy, which is well kept and was considered, takes a generator
and several objects for each film and stage, and about ten times as long.
"""
