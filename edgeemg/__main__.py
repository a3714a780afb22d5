"""`python -m edgeemg`."""

from edgeemg.cli.main import main

main()
