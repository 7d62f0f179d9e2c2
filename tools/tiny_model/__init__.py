"""The recipe of the demonstration model, and its way into other formats: see README.md."""
