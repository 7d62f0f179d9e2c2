"""Whose a response is: a digest of the key that asked for it.

Contract: pure. Two clients are the same owner if they sent the same key. On a gateway where nobody
needs a key, everybody who sends none is one owner, named by the empty text.
"""

from __future__ import annotations

import hashlib

from strictwire.net.access import Headers, credential

# So that the digest is of no use where somebody else keeps plain digests of the same keys.
_DOMAIN = b"strictwire/owner/1\0"


def owner_of(headers: Headers) -> str:
    """The owner of a request that was let in; ``headers`` are its own, names in lower case."""
    key = credential(headers)
    if not key:
        return ""
    return hashlib.sha256(_DOMAIN + key.encode("utf-8", "surrogateescape")).hexdigest()
