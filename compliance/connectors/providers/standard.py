"""Any sender that signs by Standard Webhooks: our own documented body, for systems without a file of their own.

The body is ours (docs/platforms.md), so it is read strictly: a field that we know has to fit, an unknown one is left
alone, and a sender that wants to say more may do so today. Signatures by the specification of Standard Webhooks 1.0.0:
`v1` is HMAC-SHA256, `v1a` is Ed25519; the prefixes `whsec_` and `whpk_` say which one a secret is for.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.connectors.facts import (
    CallFacts,
    DeletionFacts,
    DeletionOutcome,
    Facts,
    Rank,
    RecordingFacts,
    UnknownEvent,
)
from compliance.connectors.providers import base, payloads, signatures, standard_calls
from compliance.connectors.providers.base import (
    BadSignature,
    Incoming,
    Secret,
    SecretForm,
    SecretOrigin,
    Unparseable,
)
from compliance.connectors.providers.payloads import Fields

_WINDOW: Final = timedelta(minutes=5)
_MAX_SIGNATURES: Final = 20
_ID: Final = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_SECRET: Final = "whsec_"  # noqa: S105  # a prefix
_PUBLIC_KEY: Final = "whpk_"
_RANKS: Final = {
    "call.started": Rank.PARTIAL,
    "call.recorded": Rank.COMPLETED,
    "call.updated": Rank.ANALYSED,
}


class Standard:
    """The provider for generic Standard Webhooks."""

    name = "standard"
    label = "Standard Webhooks"
    secret_form = SecretForm.KEY
    secret_origin = SecretOrigin.OURS
    connecting_help = (
        "Send our documented body (docs/platforms.md) to our address, signed by Standard Webhooks with the secret that "
        "we make (whsec_…). Where the sender makes its own, enter that, or its public key (whpk_…) for Ed25519."
    )
    options = ()
    credentials = ()
    media_hosts = ()
    api = None
    max_body_bytes = base.MAX_BODY_BYTES
    max_redirects = 0
    recording_retention_days = None
    can_delete = False
    deletion_instructions = (
        "Callwarden does not know the sender's system and cannot delete there. Ask its operator to erase the call by "
        "its external id: recordings, transcript, summary and everything made of them. Proof: the event call.deleted "
        "from the sender, the recording's address answering 404 or 410, or the operator's written word as evidence."
    )
    is_verified = True
    verification = (
        "The package standardwebhooks 1.1.0 signs what we accept, and refuses what we refuse. The body is our own, so "
        "no independent implementation of it exists; Ed25519 signatures were tried against keys that our tests make."
    )

    def verify_signature(self, incoming: Incoming, secrets: Sequence[Secret], now: datetime) -> None:
        """`webhook-signature` over `webhook-id.webhook-timestamp.body`, at most five minutes old or ahead."""
        message_id = signatures.only_header(incoming, "webhook-id")
        timestamp = signatures.only_header(incoming, "webhook-timestamp")
        words = signatures.only_header(incoming, "webhook-signature").split()
        if not _ID.fullmatch(message_id) or len(words) > _MAX_SIGNATURES:
            raise BadSignature("malformed_signature")
        signatures.within(signatures.moment_of(timestamp), now, _WINDOW)
        message = b".".join((message_id.encode(), timestamp.encode(), incoming.raw_body))
        keys = signatures.valid_keys(secrets, now)
        if _is_signed_by_public_key(_presented(words, "v1a"), keys, message):
            return
        expected = [hmac.new(key, message, hashlib.sha256).digest() for key in _hmac_keys(keys)]
        signatures.check_hmac(_presented(words, "v1"), expected)

    def delivery_key(self, incoming: Incoming) -> str:
        """`standard:<webhook-id>`, the same over all tries of one message."""
        message_id = incoming.header("webhook-id") or ""
        if _ID.fullmatch(message_id.strip()):
            return f"{self.name}:{message_id.strip()}"
        return f"{self.name}:without-id:{hashlib.sha256(incoming.raw_body).hexdigest()}"

    def parse(self, raw_body: bytes) -> tuple[Facts, ...]:
        """A call, the deletion of one, or an event that we do not know."""
        body = Fields(payloads.read_object(raw_body), "", set())
        event, event_at = body.required_identifier("type"), body.moment("timestamp")
        if event in _RANKS:
            return (standard_calls.call(body.inner("data"), rank=_RANKS[event], event_at=event_at),)
        if event == "call.deleted":
            return (_deletion(body.inner("data"), event_at),)
        data = body.raw("data")
        told = Fields(data if isinstance(data, dict) else {}, "data", set())
        return (UnknownEvent(event, told.if_readable(told.identifier, "external_id")),)

    def parse_answer(self, raw_body: bytes) -> tuple[Facts, ...]:
        """There is nothing to ask. Raises Unparseable("no_api")."""
        raise Unparseable("no_api")

    def original_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """The day that the sender names (`retention.recording_until`)."""
        return facts.recording_gone_at.date() if facts.recording_gone_at else None

    def transcript_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """The same for its words."""
        return facts.transcript_gone_at.date() if facts.transcript_gone_at else None

    def link_expires_at(self, recording: RecordingFacts, received_at: datetime) -> datetime | None:
        """As the sender says (`recording.expires_at`)."""
        return recording.expires_at

    def new_secret(self, random: bytes) -> str:
        """A shared secret in the form of the specification, for senders that take one."""
        return _SECRET + base64.b64encode(random).decode("ascii")


def _presented(words: Sequence[str], version: str) -> list[bytes]:
    """The signatures of one version; what is no base64 is none."""
    found = []
    for word in words:
        name, _, value = word.partition(",")
        if name == version:
            decoded = _from_base64(value)
            if decoded:
                found.append(decoded)
    return found


def _from_base64(text: str) -> bytes:
    """The bytes, "" for what is no base64. Secrets are seen with and without padding."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _hmac_keys(keys: Sequence[bytes]) -> list[bytes]:
    """The shared keys: base64, with `whsec_` before it or not. A public key never serves as one."""
    texts = [key.decode("utf-8", "replace").strip() for key in keys]
    decoded = [_from_base64(text.removeprefix(_SECRET)) for text in texts if not text.startswith(_PUBLIC_KEY)]
    return [key for key in decoded if key]


def _is_signed_by_public_key(presented: Sequence[bytes], keys: Sequence[bytes], message: bytes) -> bool:
    is_good = False
    for key in keys:
        text = key.decode("utf-8", "replace").strip()
        raw = _from_base64(text.removeprefix(_PUBLIC_KEY)) if text.startswith(_PUBLIC_KEY) else b""
        if len(raw) != 32:
            continue
        public_key = Ed25519PublicKey.from_public_bytes(raw)
        for signature in presented:
            try:
                public_key.verify(signature, message)
                is_good = True
            except InvalidSignature:
                continue
    return is_good


def _deletion(data: Fields, event_at: datetime | None) -> DeletionFacts:
    word = data.line("outcome") or "confirmed"
    if word not in set(DeletionOutcome):
        raise Unparseable("unknown_value", data.where("outcome"))
    return DeletionFacts(data.required_identifier("external_id"), DeletionOutcome(word), event_at)
