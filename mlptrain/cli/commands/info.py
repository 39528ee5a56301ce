"""`mlptrain info`."""

from mlptrain.cli.options import Json


def info(json: Json = False) -> None:
    """Print versions, and the kernels, BLAS and threads in use."""
    from mlptrain.cli.results import print_json
    from mlptrain.training.environment import report

    found = report()
    if json:
        print_json(found)
        return
    for name, value in found.items():
        print(f"{name:<12}{value}")
