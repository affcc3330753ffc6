"""``python -m cimkit`` is the command line."""

from cimkit.cli import main

main()
