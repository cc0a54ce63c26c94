"""`python -m gateway.cli`: the command line where the script `sluis` is not installed."""

from gateway.cli import main

main()
