"""``python -m strictwire.cli``: the command line."""

from strictwire.cli import main

main()
