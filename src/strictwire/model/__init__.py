"""The vocabulary: frames, chunks, stream events, promises, errors, and the seams between rooms."""
