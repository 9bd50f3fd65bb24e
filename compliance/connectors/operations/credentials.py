"""What we show a platform, and what opens the recordings that it encrypted for us. Written once, never shown again."""

from __future__ import annotations

import re
from uuid import UUID

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from accounts import access, tenancy
from accounts.actors import Actor
from compliance.connectors import events
from compliance.connectors.models import Connection, ConnectionSecret
from compliance.connectors.operations.noting import lock_connection, note
from compliance.connectors.operations.sealing import add_sealed, forget_named
from compliance.connectors.providers import registry
from compliance.errors import Invalid

LEAST_BITS = 2048
_VALUE = re.compile(r"[\x21-\x7e]{1,4000}")
_KEY_ID = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
_MOST_PEM = 20_000


def set_credential(*, actor: Actor, connection_id: UUID, name: str, value: str) -> Connection:
    """Enter one of the secrets by which we ask the platform, or, with an empty value, forget it."""
    access.require(actor, "connectors.manage")
    with tenancy.operation(actor):
        connection = lock_connection(actor, connection_id)
        known = [credential.name for credential in registry.provider_for(connection.platform).credentials]
        if name not in known:
            told = f"One of: {', '.join(known)}." if known else "This platform needs none."
            raise Invalid("This credential is not known", errors={"name": [told]})
        text = value.strip()
        if text and not _VALUE.fullmatch(text):
            raise Invalid("This cannot be a credential", errors={"value": ["Plain characters without spaces."]})
        forgotten = forget_named(connection, ConnectionSecret.Use.API, name)
        if text:
            add_sealed(connection, ConnectionSecret.Use.API, name, text.encode())
        what: dict[str, str | int | bool | None] = {"name": name, "set": bool(text), "replaced": forgotten > 0}
        note(actor, events.CREDENTIAL_SET, "connection", connection.id, what=what)
    return connection


def set_recording_key(*, actor: Actor, connection_id: UUID, key_id: str, private_key_pem: str) -> Connection:
    """Enter the private key whose public half the platform has under `key_id`. Several live side by side; the same id
    again replaces its key.
    """
    access.require(actor, "connectors.manage")
    if not _KEY_ID.fullmatch(key_id.strip()):
        raise Invalid(
            "A key needs the id that the platform gave it", errors={"key_id": ["1 to 80 letters, digits, . _ : -"]}
        )
    pem, bits = _checked_key(private_key_pem)
    with tenancy.operation(actor):
        connection = lock_connection(actor, connection_id)
        forgotten = forget_named(connection, ConnectionSecret.Use.RECORDING_KEY, key_id.strip())
        add_sealed(connection, ConnectionSecret.Use.RECORDING_KEY, key_id.strip(), pem)
        what: dict[str, str | int | bool | None] = {"bits": bits, "replaced": forgotten > 0}
        note(actor, events.RECORDING_KEY_SET, "connection", connection.id, what=what, key_id=key_id.strip())
    return connection


def _checked_key(text: str) -> tuple[bytes, int]:
    """The PEM's bytes and the key's length. Raises Invalid with what is wrong, never with what was entered."""
    pem = text.strip().encode("utf-8", "replace")
    if len(pem) > _MOST_PEM or b"PRIVATE KEY" not in pem:
        raise _not_a_key("A private key in PEM begins with BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY.")
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise _not_a_key("The key has a password: enter it without one, it is sealed here.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _not_a_key("The key cannot be read.") from None
    if not isinstance(key, RSAPrivateKey):
        raise _not_a_key("Recordings are encrypted for RSA keys; this is another kind.")
    if key.key_size < LEAST_BITS:
        raise _not_a_key(f"The key has {key.key_size} bits; at least {LEAST_BITS} are needed.")
    return pem + b"\n", key.key_size


def _not_a_key(why: str) -> Invalid:
    return Invalid("This key cannot be used", errors={"private_key_pem": [why]})
