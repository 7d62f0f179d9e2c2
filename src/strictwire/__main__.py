"""``python -m strictwire``: the command line."""

from strictwire.cli import main

main()
