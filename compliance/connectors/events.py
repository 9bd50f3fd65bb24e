"""Names of this room's log events."""

from __future__ import annotations

CONNECTION_CREATED = "connectors.connection.created"
CONNECTION_CHANGED = "connectors.connection.changed"
TOKEN_ROTATED = "connectors.token.rotated"  # noqa: S105 - the name of an event
WEBHOOK_SECRET_SET = "connectors.webhook_secret.set"  # noqa: S105 - the name of an event
CREDENTIAL_SET = "connectors.credential.set"
RECORDING_KEY_SET = "connectors.recording_key.set"
STANDING_CHANGED = "connectors.standing.changed"
AGENT_REGISTERED = "connectors.agent.registered"
AGENT_CHANGED = "connectors.agent.changed"
QUESTION_FAILED = "connectors.question.failed"
QUESTION_ANSWERED = "connectors.question.answered"
