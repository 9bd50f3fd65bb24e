"""Names of the vault's log events."""

KEY_DESTROYED = "vault.key.destroyed"
