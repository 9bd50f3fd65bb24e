"""The log's own process, as tests need it: everything committed gets its place and is signed for."""

from __future__ import annotations

from audit import publish


def publish_log() -> None:
    """Sequence what is committed and publish the checkpoints."""
    while publish.sequence_once():
        pass
    publish.publish_checkpoints()
