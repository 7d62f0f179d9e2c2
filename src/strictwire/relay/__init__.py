"""One reply through the pure parts, push style: bytes in, bytes out."""

from strictwire.relay.making import make_relay
from strictwire.relay.relay import Relay
from strictwire.relay.sniff import BodyKind, sniff

__all__ = ["BodyKind", "Relay", "make_relay", "sniff"]
