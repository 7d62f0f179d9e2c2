"""The bench: what a relayed chunk, an open stream and a disconnect cost, beside nginx."""
