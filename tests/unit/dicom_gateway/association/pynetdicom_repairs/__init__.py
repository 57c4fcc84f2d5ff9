"""Repairs of pynetdicom: each works, and is still needed."""
