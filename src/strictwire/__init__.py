"""strictwire: any OpenAI-like model server in, exactly the promised wire format out."""

__version__ = "0.1.0"
