"""Names that nobody can guess."""

import secrets


def new_token() -> str:
    """A secret of lower-case letters and digits: it must also serve as a label of a host name."""
    return secrets.token_hex(16)
