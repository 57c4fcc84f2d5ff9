"""Rooms together with real servers: Orthanc, DCMTK, PostgreSQL, Redis."""
