"""Twilio: the carrier under many platforms, and a recorder itself. Callbacks are signed forms; recordings lie with it.

A recording is reported by itself, without the numbers of its call: these come with the call's own status callbacks, or
by asking. So a recording's facts have no event time, and among equals the call's own word always holds, in whatever
order they come. Shapes follow Twilio's documentation ("Recordings resource", "Voice Recording Encryption", "Sign
webhooks with shared keys"; November 2026) and the field lists of its package twilio 9.13.0. From memory, to be checked:
the name of the encryption details in a callback's form, and the callback of Voice Intelligence.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from compliance.connectors.facts import CallFacts, Facts, RecordingFacts
from compliance.connectors.providers import base, forms, payloads, signatures, twilio_callbacks, twilio_resources
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
from compliance.connectors.providers.twilio_api import TwilioApi

_HASHES: Final = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


class Twilio:
    """The provider for Twilio."""

    name = "twilio"
    label = "Twilio"
    secret_form = SecretForm.KEY
    secret_origin = SecretOrigin.THEIRS
    encrypts_recordings = True
    connecting_help = (
        "Give our address as recordingStatusCallback (events in-progress, completed and absent) wherever recording is "
        "started, and as the call's statusCallback, which brings the numbers. Enter the account's auth token here as "
        "the secret, or the SharedKey's secret where webhooks are signed with one."
    )
    options = ()
    media_hosts = ("api.twilio.com",)
    credentials = (
        Credential(
            "auth_token",
            "Auth token",
            "The account's auth token, or an API key as SK…:secret. Needed to fetch, to list and to delete.",
        ),
    )
    api = TwilioApi()
    max_body_bytes = base.MAX_BODY_BYTES
    max_redirects = 0
    recording_retention_days = None
    can_delete = True
    deletion_instructions = (
        "Recordings are deleted by program. What was made of them elsewhere at Twilio (Voice Intelligence transcripts "
        "without a known id, add-on results, copies in external storage of the account) has to be deleted in Twilio's "
        "console. Proof: the transcript's address answers 404, and the external store no longer has the object."
    )
    is_verified = True
    verification = (
        "Twilio's own package (twilio 9.13.0) signs what we accept, refuses what we refuse, and asks the same paths "
        "with the same queries. Not tried against Twilio itself; decryption was tried with files that we encrypted as "
        "its documentation says, not with one of its own."
    )

    def verify_signature(self, incoming: Incoming, secrets: Sequence[Secret], now: datetime) -> None:
        """`X-Twilio-Signature`: base64 HMAC of the full public URL and, for forms, every name and value in order.

        SHA-1 unless `X-Twilio-Webhooks-Signature-Settings` names SHA-256. JSON is bound by its SHA-256 in the signed
        URL (`bodySHA256`). There is no time in it: only the delivery key stops a repeat.
        """
        presented = signatures.only_header(incoming, "X-Twilio-Signature").encode("utf-8", "replace")
        algorithm = _algorithm(incoming)
        signed = _signed_parameters(incoming)
        expected = [
            b64encode(hmac.new(key, (url + signed).encode("utf-8", "replace"), algorithm).digest())
            for key in signatures.valid_keys(secrets, now)
            for url in _spellings(incoming.url)
        ]
        signatures.check_hmac([presented], expected)

    def delivery_key(self, incoming: Incoming) -> str:
        """`twilio:<event>:<id>:<SHA-256 of the body>`."""
        digest = hashlib.sha256(incoming.raw_body).hexdigest()
        try:
            event, external_id = twilio_callbacks.event_of(incoming.raw_body)
        except Unparseable:
            event, external_id = "unparseable", ""
        return f"{self.name}:{event}:{external_id}:{digest}"

    def parse(self, raw_body: bytes) -> tuple[Facts, ...]:
        """A recording, a call's status, or a callback that we have no use for."""
        if raw_body.lstrip()[:1] == b"{":
            return (twilio_callbacks.unknown(raw_body),)
        fields = Fields(forms.read_form(raw_body), "", set())
        if fields.identifier("AccountSid") is None:
            raise Unparseable("missing_field", "AccountSid")
        if fields.raw("RecordingStatus"):
            return (twilio_callbacks.recording(fields),)
        if fields.raw("CallStatus") and fields.raw("CallSid"):
            return (twilio_callbacks.call(fields),)
        return (twilio_callbacks.unknown(raw_body),)

    def parse_answer(self, raw_body: bytes) -> tuple[Facts, ...]:
        """The answer about one recording or one call."""
        return (twilio_resources.thing(payloads.read_object(raw_body)),)

    def original_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """Never by itself: Twilio keeps recordings until they are deleted."""
        return None

    def transcript_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """Never by itself."""
        return None

    def link_expires_at(self, recording: RecordingFacts, received_at: datetime) -> datetime | None:
        """Addresses do not expire; they need the account's credentials."""
        return recording.expires_at


def _algorithm(incoming: Incoming) -> str:
    settings = incoming.header("X-Twilio-Webhooks-Signature-Settings") or ""
    parts = [part.partition("=") for part in settings.split(",")]
    words = [value.strip().upper() for name, _, value in parts if name.strip() == "algorithm"]
    if len(words) > 1 or (words and words[0] not in _HASHES):
        raise BadSignature("unknown_algorithm")
    return _HASHES[words[0] if words else "HMAC_SHA1"]


def _signed_parameters(incoming: Incoming) -> str:
    """What is signed after the URL. Raises BadSignature for a body that nothing binds."""
    if (incoming.header("Content-Type") or "").partition(";")[0].strip().lower() == "application/json":
        announced = parse_qs(urlsplit(incoming.url).query).get("bodySHA256", [])
        digest = hashlib.sha256(incoming.raw_body).hexdigest()
        if len(announced) != 1 or not hmac.compare_digest(announced[0].encode("utf-8", "replace"), digest.encode()):
            raise BadSignature("bad_signature")
        return ""
    try:
        found = forms.pairs(incoming.raw_body)
    except Unparseable:
        raise BadSignature("bad_signature") from None
    return "".join(name + value for name, value in sorted(set(found)))


def _spellings(url: str) -> tuple[str, ...]:
    """The URL as it is, without its port, and with the port of its scheme: Twilio signs one of them."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    except ValueError:
        raise BadSignature("bad_signature") from None
    default = port or _DEFAULT_PORTS.get(parts.scheme, 443)
    return (url, parts._replace(netloc=host).geturl(), parts._replace(netloc=f"{host}:{default}").geturl())
