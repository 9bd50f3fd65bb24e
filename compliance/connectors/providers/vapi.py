"""Vapi: one POST for everything, told apart by `message.type`; signs only if a credential is set, and repeats nothing
unless told to.

Three ways of proof, chosen at the connection: the header X-Vapi-Secret, a bearer token, or an HMAC. Sources: Vapi's API
reference (server messages, HMACAuthenticationPlan) and its Python package 3.0.0, November 2026.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from compliance.connectors.facts import (
    CallFacts,
    DeletionFacts,
    DeletionOutcome,
    Facts,
    Rank,
    RecordingFacts,
    UnknownEvent,
)
from compliance.connectors.providers import base, payloads, signatures
from compliance.connectors.providers.base import (
    BadSignature,
    Credential,
    Incoming,
    Option,
    Secret,
    SecretForm,
    SecretOrigin,
    Unparseable,
)
from compliance.connectors.providers.payloads import Fields
from compliance.connectors.providers.vapi_api import VapiApi
from compliance.connectors.providers.vapi_calls import call_facts

# Reports hold the whole configuration of the assistant and the words twice; nobody sends a refused one again.
_MAX_BODY_BYTES = 5_000_000
_WINDOW = timedelta(minutes=5)  # ours: Vapi names none

_DELETIONS = {"call.deleted": DeletionOutcome.CONFIRMED, "call.delete.failed": DeletionOutcome.FAILED}

_SCHEME = Option(
    "scheme", "Proof", "How the credential at Vapi authenticates its calls.", "secret", ("secret", "bearer", "hmac")
)
_SIGNATURE_HEADER = Option("signature_header", "Signature header", "For HMAC: as set at Vapi.", "x-signature")
_TIMESTAMP_HEADER = Option("timestamp_header", "Timestamp header", "For HMAC: as set at Vapi.", "x-timestamp")
_PAYLOAD = Option(
    "payload_format",
    "Signed text",
    "For HMAC: {timestamp}.{body} as Vapi does by default, or the body alone, which guards against no replay.",
    "timestamp.body",
    ("timestamp.body", "body"),
)
_ALGORITHM = Option("algorithm", "Algorithm", "For HMAC: as set at Vapi.", "sha256", ("sha256", "sha512", "sha1"))
_ENCODING = Option("encoding", "Encoding", "For HMAC: as set at Vapi.", "hex", ("hex", "base64"))
_PREFIX = Option(
    "prefix",
    "Prefix",
    "For HMAC: what stands before the signature.",
    "none",
    ("none", "sha256=", "sha512=", "sha1=", "v1=", "v1,"),
)


class Vapi:
    """The provider for Vapi."""

    name = "vapi"
    label = "Vapi"
    secret_form = SecretForm.KEY
    secret_origin = SecretOrigin.OURS
    connecting_help = (
        "At Vapi, make a custom credential with our secret (a bearer token in the header X-Vapi-Secret or in "
        "Authorization, or HMAC) and choose it, with our address, as the server of the organisation, the assistant or "
        "the number. Let it send end-of-call-report, call.deleted and call.delete.failed, and give it a backoff plan: "
        "without one Vapi repeats nothing. OAuth, and signed texts with {url}, {method} or {svix-id}, are not read."
    )
    options = (_SCHEME, _SIGNATURE_HEADER, _TIMESTAMP_HEADER, _PAYLOAD, _ALGORITHM, _ENCODING, _PREFIX)
    credentials = (
        Credential("api_key", "Private API key", "Vapi's dashboard, API keys: a private key of the organisation."),
    )
    # Where recordings were seen to lie in public code; Vapi documents no list.
    media_hosts = ("storage.vapi.ai", "*.r2.cloudflarestorage.com")
    api = VapiApi()
    max_body_bytes = _MAX_BODY_BYTES
    max_redirects = 3  # its artifact addresses answer 302
    recording_retention_days = None
    can_delete = True
    deletion_instructions = (
        "Callwarden deletes the call at Vapi by its API and asks for it again until Vapi says that there is none. "
        "Where Vapi stores recordings in your own bucket, delete them there as well: Vapi's deletion does not reach "
        "it. By hand: delete the call in Vapi's dashboard; proof is 404 from GET /call/{id}."
    )
    is_verified = False
    verification = (
        "Partly verified. Vapi's own Python package 3.0.0 asks for calls and deletions as we do and reads the same out "
        "of the same calls; for assistants its names were compared. No package of Vapi signs, so the proofs of its "
        "deliveries follow its API reference of November 2026 and were never checked against one that Vapi made. "
        "Nothing was tried at the real service."
    )

    def verify_signature(self, incoming: Incoming, secrets: Sequence[Secret], now: datetime) -> None:
        """By the connection's `scheme`. Without a known scheme nobody is let in."""
        keys = signatures.valid_keys(secrets, now)
        scheme = _choice(incoming, _SCHEME)
        if scheme == "hmac":
            _check_signed(incoming, keys, now)
        elif scheme == "bearer":
            kind, _, token = signatures.only_header(incoming, "Authorization").partition(" ")
            if kind.lower() != "bearer":
                raise BadSignature("no_signature")
            _check_shared(token.strip(), keys)
        elif scheme == "secret":
            _check_shared(signatures.only_header(incoming, "X-Vapi-Secret"), keys)
        else:
            raise BadSignature("unknown_scheme")

    def delivery_key(self, incoming: Incoming) -> str:
        """`vapi:<type>:<call id>:<SHA-256 of the body>`; Vapi numbers no deliveries."""
        digest = hashlib.sha256(incoming.raw_body).hexdigest()
        try:
            message = _message(incoming.raw_body)
            event, external_id = message.required_identifier("type"), _call_id(message)
        except Unparseable:
            event, external_id = "unparseable", None
        return f"{self.name}:{event}:{external_id or ''}:{digest}"

    def parse(self, raw_body: bytes) -> tuple[Facts, ...]:
        """The report at the end of a call, the word on a deletion, or an event that we have no use for."""
        message = _message(raw_body)
        event = message.required_identifier("type")
        if event in _DELETIONS:
            external_id = message.inner("call").required_identifier("id")
            return (DeletionFacts(external_id, _DELETIONS[event], message.moment("timestamp")),)
        if event == "end-of-call-report":
            return (call_facts(message, message.inner("call"), Rank.COMPLETED),)
        return (UnknownEvent(event, _call_id(message)),)

    def parse_answer(self, raw_body: bytes) -> tuple[Facts, ...]:
        """The answer of GET /call/{id}."""
        call = Fields(payloads.read_object(raw_body), "", set())
        return (call_facts(call, call, Rank.POLLED),)

    def original_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """Vapi keeps calls until they are deleted, or by a contract that it does not tell in its calls."""
        return None

    def transcript_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """Likewise."""
        return None

    def link_expires_at(self, recording: RecordingFacts, received_at: datetime) -> datetime | None:
        """`presignedUrlsExpiresAt` for signed addresses; the lasting ones do not expire."""
        return recording.expires_at


def _choice(incoming: Incoming, option: Option) -> str:
    return incoming.options.get(option.name) or option.default


def _check_shared(presented: str, keys: Sequence[bytes]) -> None:
    """Compares digests, so that not even a length shows."""
    if not presented:
        raise BadSignature("no_signature")
    signatures.check_hmac([base.token_digest(presented)], [hashlib.sha256(key).digest() for key in keys])


def _check_signed(incoming: Incoming, keys: Sequence[bytes], now: datetime) -> None:
    presented = signatures.only_header(incoming, _choice(incoming, _SIGNATURE_HEADER))
    signed = incoming.raw_body
    if _choice(incoming, _PAYLOAD) == "timestamp.body":
        digits = signatures.only_header(incoming, _choice(incoming, _TIMESTAMP_HEADER))
        signatures.within(signatures.moment_of(digits), now, _WINDOW)
        signed = digits.encode() + b"." + signed
    algorithm = _choice(incoming, _ALGORITHM)
    prefix = _choice(incoming, _PREFIX)
    if algorithm not in _ALGORITHM.choices:
        raise BadSignature("unknown_scheme")
    if prefix != "none":
        if not presented.startswith(prefix):
            raise BadSignature("bad_signature")
        presented = presented.removeprefix(prefix)
    macs = (hmac.digest(key, signed, algorithm) for key in keys)
    is_hex = _choice(incoming, _ENCODING) == "hex"
    expected = [mac.hex().encode() if is_hex else base64.b64encode(mac) for mac in macs]
    signatures.check_hmac([presented.encode("utf-8", "replace")], expected)


def _message(raw_body: bytes) -> Fields:
    body = Fields(payloads.read_object(raw_body), "", set())
    if not body.raw("message"):
        raise Unparseable("missing_field", "message")
    return body.inner("message")


def _call_id(message: Fields) -> str | None:
    """The id for a key or an unknown event; anything unusable is left out."""
    call = message.if_readable(message.inner, "call")
    return None if call is None else call.if_readable(call.identifier, "id")
