"""`mlptrain check`."""

import os

from mlptrain.cli.garbage import resume_collection
from mlptrain.cli.options import ConfigFile, Json, Plugins, Settings
from mlptrain.errors import DataError
from mlptrain.training.signals import StopRequest


def check(
    config: ConfigFile,
    set_: Settings = None,
    plugins: Plugins = None,
    json: Json = False,
) -> None:
    """Find all that is wrong with the data of a config.

    CONFIG is a YAML file.

    Unusable files, copies, contradictions and the like are listed, then what training would cost:
    its time, from a few real steps, and memory. Exits with 3 if there are errors, 0 if there are
    only warnings.
    """
    from mlptrain.cli.findings import CheckView
    from mlptrain.cli.layout import plural
    from mlptrain.cli.results import print_json
    from mlptrain.config.load import load_config
    from mlptrain.survey.check import check_data
    from mlptrain.text import show_path

    resume_collection()
    with StopRequest(), CheckView(json=json) as view:
        given = load_config(config, set_ or (), plugins or (), environment=os.environ)
        found = check_data(given, view.reading)
    if json:
        print_json(found.record())
    else:
        view.show(found, config)
    if errors := found.count("error"):
        raise DataError(
            f"{show_path(config)}: {plural(errors, 'error')}. Nothing can be trained yet."
        )
