"""The console script, and `python -m mlptrain`."""

from mlptrain.cli.garbage import pause_collection
from mlptrain.training.signals import leave_on_signals


def main() -> None:
    """Run the command line; from here on, while it is imported too, signals end it quietly."""
    leave_on_signals()
    pause_collection()
    from mlptrain.cli.app import main as command_line

    command_line()


if __name__ == "__main__":
    main()
