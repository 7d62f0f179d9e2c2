"""One reply through the pure parts, push style: bytes in, bytes out."""

from strictwire.relay.relay import Relay, make_relay
from strictwire.relay.sniff import BodyKind, sniff

__all__ = ["BodyKind", "Relay", "make_relay", "sniff"]
