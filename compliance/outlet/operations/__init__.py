"""What is done with endpoints and messages; `announce_event` is the door for the rooms above."""

from __future__ import annotations

from compliance.outlet.operations.announcing import News, announce_event, announce_events
from compliance.outlet.operations.delivering import Later, deliver_dispatch
from compliance.outlet.operations.endpoints import (
    NewEndpoint,
    change_endpoint,
    create_endpoint,
    pause_endpoint,
    remove_endpoint,
    resume_endpoint,
)
from compliance.outlet.operations.pruning import BATCH, forget_ended_secrets, prune_messages
from compliance.outlet.operations.redelivering import (
    find_unrung,
    redeliver_failed,
    redeliver_message,
    release_waiting,
    send_test_event,
)
from compliance.outlet.operations.secrets import OVERLAP, NewSecret, rotate_secret
from compliance.outlet.operations.standing import tell_standing

__all__ = [
    "BATCH",
    "OVERLAP",
    "Later",
    "NewEndpoint",
    "NewSecret",
    "News",
    "announce_event",
    "announce_events",
    "change_endpoint",
    "create_endpoint",
    "deliver_dispatch",
    "find_unrung",
    "forget_ended_secrets",
    "pause_endpoint",
    "prune_messages",
    "redeliver_failed",
    "redeliver_message",
    "release_waiting",
    "remove_endpoint",
    "resume_endpoint",
    "rotate_secret",
    "send_test_event",
    "tell_standing",
]
