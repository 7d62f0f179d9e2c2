"""Scenarios of ``/v1/messages``: the strict life of a message, and the ways to break it."""
