"""The verifier for people who do not trust us: needs Python, `cryptography` and `rfc8785`, no Django and no database.

It trusts the format, not the writer: everything is recomputed from bytes, with `audit.tlog` alone.
"""
