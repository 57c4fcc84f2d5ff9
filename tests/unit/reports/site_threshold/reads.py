"""Scores of read films."""

from __future__ import annotations

TB_SCORES = [0.41 + 0.01 * number for number in range(60)]
OTHER_SCORES = [0.005 + 0.01 * number for number in range(100)]
