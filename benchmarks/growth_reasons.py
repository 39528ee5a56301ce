"""Why time grows as it does, by quantity of `growth.py`: written by a person who looked."""

REASONS: dict[str, str] = {
    "batch size": "the quotient is low at 1 and 8, where nearly all of the work is the update and "
    "its estimate is too high; from 512 to 8,192 the time per sample itself rises by a tenth",
}
