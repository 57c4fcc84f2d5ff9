"""Repairs of pynetdicom 3.0, the only files that use its private names.

Each file names its faults and their upstream issues. Its tests fail when a repair no longer works, and when
pynetdicom no longer needs it. `pyproject.toml` holds pynetdicom below the next minor version.

- `film_socket`: a socket with large reads and timeouts, which handles empty TLS records.
- `wake_up`: wakes an association's threads when there is work for them.
- `upper_layer`: the thread that reads an association's PDUs; subclasses may read faster.
- `dataset_file`: the file into which a dataset is written while it is received.
- `reactor_checkpoint`: leaves the answer to the thread that sent the request.
- `calling_entity`: sets the socket and upper layer of outgoing associations.
- `association_server`: sets the socket and upper layer of incoming associations.
"""
