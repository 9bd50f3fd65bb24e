"""Passwords and keys of an instance: made once, kept under `secrets/`, each readable by its owner only."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from compliance.embedded.places import PROJECT, LauncherError, write_private
from compliance.embedded.roles import Passwords

# RFC 8410, section 7: the fixed beginning of an unencrypted Ed25519 private key in PKCS #8; 32 random bytes follow.
_ED25519_PKCS8 = bytes.fromhex("302e020100300506032b657004220420")
_MAKE_KEYRING = (
    "import pathlib, sys; from compliance.vault import keyring; keyring.create_keyring(pathlib.Path(sys.argv[1]))"
)


@dataclass(frozen=True)
class Credentials:
    """What the processes of an instance need to know and nobody else may."""

    passwords: Passwords
    broker_password: str
    secret_key: str
    playback_key: str
    keyring: Path
    log_signing_key: Path

    @classmethod
    def load(cls, folder: Path) -> Credentials:
        """Read them, making what is missing. Raises LauncherError where the keyring cannot be made."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(
            passwords=Passwords(*(_kept(folder / f"{role}_password") for role in ("owner", "app", "sequencer"))),
            broker_password=_kept(folder / "broker_password"),
            secret_key=_kept(folder / "secret_key"),
            playback_key=_kept(folder / "playback_key"),
            keyring=_keyring(folder / "keyring.json"),
            log_signing_key=_signing_key(folder / "log-signing-key.pem"),
        )


def _kept(path: Path) -> str:
    if not path.exists():
        write_private(path, secrets.token_hex(32) + "\n")
    return path.read_text().strip()


def _signing_key(path: Path) -> Path:
    if not path.exists():
        body = base64.b64encode(_ED25519_PKCS8 + secrets.token_bytes(32)).decode()
        write_private(path, f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    return path


def _keyring(path: Path) -> Path:
    """The vault alone knows how a keyring looks, so it is asked in a process of its own."""
    if not path.exists():
        made = subprocess.run(
            [sys.executable, "-c", _MAKE_KEYRING, path],
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise LauncherError(f"The keyring could not be made:\n{made.stderr.strip()}")
    return path
