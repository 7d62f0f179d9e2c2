"""Wire formats: bytes in, frames out, and frames to bytes. Knows nothing of models."""
