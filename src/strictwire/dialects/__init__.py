"""Dialects: chunks to events and events to chunks, one folder per dialect. They do not know each
other; they meet in ``model``."""
