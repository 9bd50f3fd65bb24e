"""Retell: signs every delivery with the API key that is marked for webhooks, and sends a call up to three times.

`call_started` (not for calls that never connect), `call_ended` without analysis, `call_analyzed` with all. Sources:
Retell's documentation (webhook overview, secure webhook) and its Python package 6.2.13, November 2026; that it tries
three times is from memory, to be checked.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from compliance.connectors.facts import CallFacts, Facts, Rank, RecordingFacts, UnknownEvent
from compliance.connectors.providers import payloads, signatures
from compliance.connectors.providers.base import (
    BadSignature,
    Credential,
    Incoming,
    Secret,
    SecretForm,
    SecretOrigin,
    Unparseable,
)
from compliance.connectors.providers.payloads import Fields
from compliance.connectors.providers.retell_api import RetellApi
from compliance.connectors.providers.retell_calls import call_facts, is_signed, link_expiry

# An hour's call comes with every word and its time, twice or three times over.
_MAX_BODY_BYTES = 5_000_000
_WINDOW = timedelta(minutes=5)
_SIGNED_LINK = timedelta(hours=24)
_SIGNATURE = re.compile(r"v=([1-9]\d{11,13}),d=([0-9a-f]{64})", re.ASCII)

_RANKS = {"call_started": Rank.PARTIAL, "call_ended": Rank.COMPLETED, "call_analyzed": Rank.ANALYSED}


class Retell:
    """The provider for Retell AI."""

    name = "retell"
    label = "Retell AI"
    secret_form = SecretForm.KEY
    secret_origin = SecretOrigin.THEIRS
    connecting_help = (
        "At Retell, enter our address as the webhook of the account or of each agent, with the events call_started, "
        "call_ended and call_analyzed. The secret is the API key that carries the webhook badge in Retell's dashboard. "
        "Choose signed links for recordings: without them everybody who knows an address can listen."
    )
    options = ()
    credentials = (
        Credential("api_key", "API key", "Retell's dashboard, API keys: any key of the account, webhook badge or not."),
    )
    # Where recordings were seen to lie in public code; Retell documents no list.
    media_hosts = ("dxc03zgurdly9.cloudfront.net",)
    api = RetellApi()
    max_body_bytes = _MAX_BODY_BYTES
    max_redirects = 0
    recording_retention_days = None  # 1 to 730 days by agent, or for ever; no call tells which
    can_delete = True
    deletion_instructions = (
        "Callwarden deletes the call at Retell by its API, with recording, transcript and logs, and asks for it again "
        "until Retell says that there is none. By hand: delete the call in Retell's dashboard; proof is 404 from GET "
        "/v2/get-call/{call_id}. Links of recordings that were not signed may be cached: open one to see that it is "
        "dead."
    )
    is_verified = True
    verification = (
        "Verified against Retell's own Python package 6.2.13: it makes the same questions, reads the same payloads, "
        "accepts and refuses the same signatures as we do. Nothing was tried at the real service."
    )

    def verify_signature(self, incoming: Incoming, secrets: Sequence[Secret], now: datetime) -> None:
        """`X-Retell-Signature: v=<ms>,d=<hex>`, HMAC-SHA256 over the raw body followed by the same milliseconds."""
        found = _SIGNATURE.fullmatch(signatures.only_header(incoming, "X-Retell-Signature"))
        if found is None:
            raise BadSignature("bad_signature")
        milliseconds, presented = found.groups()
        signatures.within(_moment(int(milliseconds)), now, _WINDOW)
        signed = incoming.raw_body + milliseconds.encode()
        keys = signatures.valid_keys(secrets, now)
        signatures.check_hmac([bytes.fromhex(presented)], [hmac.digest(key, signed, "sha256") for key in keys])

    def delivery_key(self, incoming: Incoming) -> str:
        """`retell:<event>:<call id>:<SHA-256 of the body>`; Retell numbers no deliveries."""
        digest = hashlib.sha256(incoming.raw_body).hexdigest()
        try:
            body = Fields(payloads.read_object(incoming.raw_body), "", set())
            event, external_id = body.required_identifier("event"), _call_id(body)
        except Unparseable:
            event, external_id = "unparseable", None
        return f"{self.name}:{event}:{external_id or ''}:{digest}"

    def parse(self, raw_body: bytes) -> tuple[Facts, ...]:
        """A call that began, ended or was analysed, or an event that we have no use for (transfers, chats, words while
        they are said).
        """
        body = Fields(payloads.read_object(raw_body), "", set())
        event = body.required_identifier("event")
        if event in _RANKS:
            return (call_facts(body.inner("call"), _RANKS[event]),)
        return (UnknownEvent(event, _call_id(body)),)

    def parse_answer(self, raw_body: bytes) -> tuple[Facts, ...]:
        """The answer of GET /v2/get-call/{call_id}."""
        return (call_facts(Fields(payloads.read_object(raw_body), "", set()), Rank.POLLED),)

    def original_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """Unknown: an agent's `data_storage_retention_days` does not come with its calls."""
        return None

    def transcript_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """Likewise."""
        return None

    def link_expires_at(self, recording: RecordingFacts, received_at: datetime) -> datetime | None:
        """The address's own `Expires`; 24 hours (Retell's default) for a signed one without; else it is public."""
        told = recording.expires_at or link_expiry(recording.url)
        return received_at + _SIGNED_LINK if told is None and is_signed(recording.url) else told


def _moment(milliseconds: int) -> datetime:
    """Exact, since a signature at the very edge of the window counts."""
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise BadSignature("bad_timestamp") from None


def _call_id(body: Fields) -> str | None:
    """The id for a key or an unknown event; anything unusable is left out."""
    call = body.if_readable(body.inner, "call")
    return None if call is None else call.if_readable(call.identifier, "call_id")
