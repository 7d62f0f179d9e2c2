"""Sockets, tasks and time: the ASGI application, the exchange, both sides' connections."""
