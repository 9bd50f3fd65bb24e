"""Where sealed values of this room lie: the label binds a value to its place."""

from __future__ import annotations

from uuid import UUID


def secret_value(secret_id: UUID) -> str:
    """A connection's secret."""
    return f"connection_secret.value/{secret_id}"
