"""`eval --min accuracy=0.95`: the exit code as a test in CI."""

from collections.abc import Sequence

from mlptrain.errors import GateMissedError, UsageError

NAMES = ("accuracy", "macro_precision", "macro_recall", "macro_f1")


def parse_gates(texts: Sequence[str]) -> dict[str, float]:
    """The least value of each metric named in `texts`, each NAME=VALUE. Raises UsageError."""
    gates: dict[str, float] = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            least = float(value)
        except ValueError:
            least = -1.0
        if name not in NAMES or not 0 <= least <= 1:
            raise UsageError(
                f"--min {text}: is no gate. Write NAME=VALUE with a NAME of {', '.join(NAMES)} and "
                "a VALUE from 0 to 1, for example --min accuracy=0.95."
            )
        gates[name] = max(least, gates.get(name, 0.0))
    return gates


def check_gates(gates: dict[str, float], metrics: dict[str, float]) -> None:
    """Raise GateMissedError, naming them in one line, if metrics are below their gates."""
    missed = [
        f"{name} {metrics[name]:.6g} is below {least}"
        for name, least in gates.items()
        if metrics[name] < least
    ]
    if missed:
        raise GateMissedError("gate missed: " + "; ".join(missed))
