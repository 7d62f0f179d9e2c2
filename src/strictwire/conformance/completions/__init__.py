"""The judge of text completions: its choices, streamed, and its whole object."""

from strictwire.conformance.completions.choice import CompletionsChoices
from strictwire.conformance.completions.whole import CompletionsWhole

__all__ = ["CompletionsChoices", "CompletionsWhole"]
