"""Scenarios of ``/v1/responses``: the strict life of a response, and the ways to break it."""
