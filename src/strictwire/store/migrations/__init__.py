"""Alembic's environment: how the database came to be what ``store.tables`` says it is.

A new step is a file in ``versions``; it is never changed once it was released.
"""
