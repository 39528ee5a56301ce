"""`mlptrain selfcheck`."""

import os

from mlptrain.cli.garbage import resume_collection
from mlptrain.cli.options import ConfigFile, Json, Plugins, Settings
from mlptrain.errors import GateMissedError
from mlptrain.training.signals import StopRequest


def selfcheck(
    config: ConfigFile,
    set_: Settings = None,
    plugins: Plugins = None,
    json: Json = False,
) -> None:
    """Check that the network of a config can learn, without a run.

    CONFIG is a YAML file.

    Its gradients are compared with differences of its loss in float64; it must learn one batch by
    heart; and predict must give what eval measures. Exits with 8 if a check fails.
    """
    from mlptrain.cli.layout import aligned
    from mlptrain.cli.results import print_json
    from mlptrain.config.load import load_config
    from mlptrain.training.selfcheck import selfcheck as check

    resume_collection()
    with StopRequest():
        given = load_config(config, set_ or (), plugins or (), environment=os.environ)
        checks = check(given, lambda *_: None)
    if json:
        records = {"checks": [each.record for each in checks]}
        print_json(records)
    else:
        rows = [(each.name, "passed" if each.passed else "FAILED") for each in checks]
        for line, each in zip(aligned(rows), checks, strict=True):
            print(f"{line}   {each.found}")
    if failed := [each.name for each in checks if not each.passed]:
        raise GateMissedError(f"selfcheck failed: {', '.join(failed)}")
