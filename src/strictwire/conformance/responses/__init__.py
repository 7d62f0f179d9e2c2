"""The judge of Responses: the life of a response in its stream, and its whole object."""

from strictwire.conformance.responses.stream import ResponsesStream
from strictwire.conformance.responses.whole import judge_response

__all__ = ["ResponsesStream", "judge_response"]
