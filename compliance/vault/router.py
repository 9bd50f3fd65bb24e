"""Which database a table lives in: keys in `keys`, everything else in `default`. Two databases, so that neither
backup opens anything alone.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Model

KEYS = "keys"
_KEYSTORE = "keystore"


class KeysRouter:
    """Sends the `keystore` app to the `keys` database and keeps everything else out of it."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        """Reads go where writes go: there is no replica of keys."""
        return KEYS if model._meta.app_label == _KEYSTORE else "default"

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        """The one place of a table."""
        return KEYS if model._meta.app_label == _KEYSTORE else "default"

    def allow_relation(self, obj1: Model, obj2: Model, **hints: Any) -> bool | None:
        """No foreign key crosses the two databases."""
        here, there = obj1._meta.app_label == _KEYSTORE, obj2._meta.app_label == _KEYSTORE
        return None if here == there else False

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """The key database has the keystore's tables and no others."""
        return (db == KEYS) == (app_label == _KEYSTORE)
