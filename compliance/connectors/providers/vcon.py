"""vCon: a call as a document (draft-ietf-vcon-vcon-core), from whoever has one; syntax 0.0.1 to 0.5.0, signed or not.

Not a platform with an account of its own but a form that many can send: by webhook with a token of ours, or from a
folder. What a document says is read in `vcon_calls`. State of the drafts: core -04 of September 2026, lawful basis -01
of March 2026.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime

from compliance.connectors.facts import CallFacts, Facts, RecordingFacts
from compliance.connectors.providers import base, vcon_calls
from compliance.connectors.providers.base import Incoming, Secret, SecretForm, SecretOrigin
from compliance.connectors.providers.payloads import Fields
from compliance.connectors.providers.vcon_envelopes import open_document


class VCon:
    """The provider for vCon documents."""

    name = "vcon"
    label = "vCon"
    secret_form = SecretForm.DIGEST
    secret_origin = SecretOrigin.OURS
    connecting_help = "Post each vCon to our address, with the token in it or as bearer token."
    options = ()
    credentials = ()
    media_hosts = ()
    api = None
    max_body_bytes = 48 * 1024 * 1024  # sound may lie inside, a third longer as text
    max_redirects = 0
    recording_retention_days = None
    can_delete = False
    deletion_instructions = (
        "A vCon comes from whoever made it, and copies of it may lie with everybody in between. Ask the sender in "
        "writing to delete the vCon of this uuid and to pass the request on. Keep the answer as evidence. Where the "
        "sound had an address, that address answers 404 or 410 afterwards."
    )
    is_verified = True
    verification = (
        "The working group's own examples (plain, inline, signed, amended, redacted, analysed) and documents of "
        "another writer in syntax 0.0.1 are read in tests; signature and content hash of the examples hold. Encrypted "
        "documents are refused with that reason. Whose certificate signed is noted, not trusted."
    )

    def verify_signature(self, incoming: Incoming, secrets: Sequence[Secret], now: datetime) -> None:
        """A token of ours: a document's own signature says who made it, not who sends it."""
        base.check_tokens(incoming, secrets, now)

    def delivery_key(self, incoming: Incoming) -> str:
        """`vcon:` and the SHA-256 of the body: a document that changed is another one."""
        return f"{self.name}:{hashlib.sha256(incoming.raw_body).hexdigest()}"

    def parse(self, raw_body: bytes) -> tuple[Facts, ...]:
        """One call. Raises Unparseable."""
        opened = open_document(raw_body)
        notes = set(opened.notes)
        document = Fields(opened.document, "", notes)
        vcon_calls.check_version(document)
        return (vcon_calls.call_of(document, opened.trust),)

    def parse_answer(self, raw_body: bytes) -> tuple[Facts, ...]:
        """The same: a document is a document, however it was got."""
        return self.parse(raw_body)

    def original_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """No vCon says when its maker deletes."""
        return None

    def transcript_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """No vCon says when its maker deletes."""
        return None

    def link_expires_at(self, recording: RecordingFacts, received_at: datetime) -> datetime | None:
        """No vCon says how long its addresses answer."""
        return recording.expires_at
