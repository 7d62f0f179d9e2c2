"""The pass-through: paths of OpenAI's that no dialect reads (images, audio, files, ...).

Contract: method, sub-path and query string are kept, bodies are streamed both ways with
backpressure and never gathered, and only headers of two lists go on. An error reply is made into
OpenAI's shape. What a body says is not judged; its model is looked for, to know where it goes.
"""

from strictwire.net.passthrough.endpoint import pass_through

__all__ = ["pass_through"]
