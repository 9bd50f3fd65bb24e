"""Typed readers of the environment. A value that cannot be used stops the start with its name; a secret is never
printed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """A string; without a default the variable is required. `NAME_FILE` may point at a file that holds it."""
    file = os.environ.get(f"{name}_FILE") if name.isupper() else None
    value = Path(file).read_text().strip() if file and not name.endswith("KEY") else os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"{name} must be set")
    return value


def flag(name: str, *, default: bool = False) -> bool:
    """true/false, 1/0, yes/no, on/off."""
    value = os.environ.get(name, "").strip().lower()
    if value in {"", "0", "false", "no", "off"}:
        return default if value == "" else False
    if value in {"1", "true", "yes", "on"}:
        return True
    raise ImproperlyConfigured(f"{name} must be true or false")


def number(name: str, default: int) -> int:
    """A whole number."""
    value = os.environ.get(name, str(default))
    if not value.lstrip("-").isdecimal():
        raise ImproperlyConfigured(f"{name} must be a whole number")
    return int(value)


def words(name: str) -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def database(name: str, default: str | None = None) -> dict[str, Any]:
    """Django's database settings from a postgres:// address.

    `prepare_threshold=none` in its query is for poolers that give each transaction another connection.
    """
    parts = urlsplit(text(name, default))
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"{name} must be a postgresql:// address")
    query = parse_qs(parts.query)
    options: dict[str, Any] = {key: values[0] for key, values in query.items() if key not in {"host", "port"}}
    threshold = options.pop("prepare_threshold", "5")
    options["prepare_threshold"] = None if threshold == "none" else int(threshold)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", [parts.hostname or ""])[0],
        "PORT": query.get("port", [str(parts.port or "")])[0],
        "OPTIONS": {"application_name": "callwarden", **options},
        "CONN_MAX_AGE": number("DATABASE_CONN_MAX_AGE", 60),
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": False,
    }


def storage(name: str, default: str) -> dict[str, Any]:
    """Django's storage settings from file:///folder or s3://bucket?endpoint=…&region=…"""
    parts = urlsplit(text(name, default))
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    if parts.scheme == "file":
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {
                "location": unquote(parts.path),
                "base_url": None,
                "file_permissions_mode": 0o600,
                "directory_permissions_mode": 0o700,
            },
        }
    if parts.scheme == "s3":
        return {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": parts.netloc,
                "endpoint_url": query.get("endpoint"),
                "region_name": query.get("region", "us-east-1"),
                "location": parts.path.strip("/"),
                "signature_version": "s3v4",
                "addressing_style": query.get("addressing", "path"),
                "default_acl": None,
                "querystring_auth": False,
                "file_overwrite": False,
            },
        }
    raise ImproperlyConfigured(f"{name} must be file:///folder or s3://bucket?endpoint=…")
