"""`mlptrain schema`."""

from mlptrain.cli.options import Plugins


def schema(plugins: Plugins = None) -> None:
    """Print the JSON Schema of config files, for editors."""
    import json

    from mlptrain.config.describe import json_schema
    from mlptrain.config.load import load_plugins

    load_plugins(plugins or ())
    print(json.dumps(json_schema(), indent=2))
