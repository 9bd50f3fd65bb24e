"""The key store as a Django app of its own, because its tables live in the `keys` database."""

from django.apps import AppConfig


class KeystoreConfig(AppConfig):
    """`compliance.vault.keystore`."""

    name = "compliance.vault.keystore"
    label = "keystore"
    verbose_name = "Keys"
