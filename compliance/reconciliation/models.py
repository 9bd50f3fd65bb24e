"""Runs of the reconciliation, and what they found."""

from __future__ import annotations
