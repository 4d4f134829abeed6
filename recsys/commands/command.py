"""What every command of the command line offers."""

import argparse
from typing import Protocol


class Command(Protocol):
    """A module that is one command."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""
        ...

    def run(self, options: argparse.Namespace) -> int:
        """Do the work and return the exit status: 0 done, 1 refused."""
        ...
