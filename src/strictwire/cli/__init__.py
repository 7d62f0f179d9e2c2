"""The command line: words in, settings out to the gateway; every mistake is one clear line."""

from strictwire.cli.app import main

__all__ = ["main"]
