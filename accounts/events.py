"""Names of this room's log events."""

from __future__ import annotations

ORGANISATION_CREATED = "accounts.organisation.created"
MEMBER_ADDED = "accounts.member.added"
MEMBER_ENDED = "accounts.member.ended"
ROLE_CHANGED = "accounts.role.changed"
KEY_ISSUED = "accounts.api_key.issued"
KEY_ROTATED = "accounts.api_key.rotated"
KEY_REVOKED = "accounts.api_key.revoked"
SIGN_IN_SUCCEEDED = "accounts.sign_in.succeeded"
SIGN_IN_FAILED = "accounts.sign_in.failed"
ACTION_DENIED = "accounts.action.denied"
