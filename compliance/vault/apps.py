"""The vault as a Django app."""

from django.apps import AppConfig
from django.core import checks as django_checks

from audit import sealing
from compliance.vault import checks


class VaultConfig(AppConfig):
    """`compliance.vault`: keys and ciphertext."""

    name = "compliance.vault"
    label = "vault"
    verbose_name = "Vault"

    def ready(self) -> None:
        """Give the log its sealer, and look at the keyring file when the service starts."""
        from compliance.vault import sealers  # noqa: PLC0415  models can be imported only now

        sealing.register(sealers.VaultSealer())
        django_checks.register(checks.keyring_file, django_checks.Tags.security)
