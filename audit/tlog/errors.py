"""The two ways in which bytes from outside can disappoint."""


class TlogError(Exception):
    """What every refusal of this package has in common."""


class FormatError(TlogError, ValueError):
    """The bytes are not what they claim to be: a parser refuses them, whoever signed them."""


class ProofError(TlogError):
    """The bytes are well formed, but do not prove what they say: a signature, a path or a digest is wrong."""
