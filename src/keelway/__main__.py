"""`python -m keelway`."""

from keelway.cli import main

main()
