"""Why time grows as it does, by quantity of `growth.py`: written by a person who looked."""

REASONS: dict[str, str] = {}
