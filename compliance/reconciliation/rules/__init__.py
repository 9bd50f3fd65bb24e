"""The rules of reconciliation, as pure functions."""
