"""The client-facing side: push handles, the uvicorn protocol under them, body reading, serving."""

from strictwire.net.client_side.asgi import AsgiApplication, Headers, Message, Receive, Scope, Send
from strictwire.net.client_side.body import read_body
from strictwire.net.client_side.push import (
    ClientEvents,
    ClientGone,
    ClientReply,
    SendPush,
    client_reply,
)

__all__ = [
    "AsgiApplication",
    "ClientEvents",
    "ClientGone",
    "ClientReply",
    "Headers",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "SendPush",
    "client_reply",
    "read_body",
]
