"""Let `python -m retinue.cli` be the command."""

from retinue.cli import main

main()
