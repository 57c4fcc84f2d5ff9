"""Repairs of pynetdicom 3.0, the only files that use its private names.

Each file names its faults and their upstream issues. Its tests fail when a repair no longer works, and when
pynetdicom no longer needs it. `pyproject.toml` holds pynetdicom below the next minor version.

- `film_socket`: a socket that reads large pieces, ends in time, and knows an empty TLS record.
- `upper_layer`: the thread that reads an association's PDUs, with a place for a faster reader.
- `dataset_file`: the file into which a dataset is written while it comes.
- `reactor_checkpoint`: leaves the answer to the thread that sent the request.
- `calling_entity`: gives an association that goes out its socket and upper layer.
- `association_server`: gives an association that comes in its socket and upper layer.
"""
