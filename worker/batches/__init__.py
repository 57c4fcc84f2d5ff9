"""Films in batches, for a device that gains by them, such as a GPU.

Celery gives each predicting process one film. Where `worker.batch` is more than one, as many predicting
processes run for each device, and one *device process* computes what they ask for: all films that wait, up to
`worker.batch`, in one pass. Everything else of a film stays in its predicting process: its attempt, strike,
time limit, acknowledgement and result.

- `device_messages`: questions and answers between both, as bytes.
- `device_link`: the side of the predicting process.
- `device_process`: the loop that computes.
- `device_keeper`: starts device processes and replaces those that ended.
"""
