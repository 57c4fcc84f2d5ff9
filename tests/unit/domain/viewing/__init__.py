"""Tests of `domain.viewing`."""
