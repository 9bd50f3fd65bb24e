"""Names of the vault's log events."""

KEY_ROTATED = "vault.key.rotated"
KEY_DESTROYED = "vault.key.destroyed"
