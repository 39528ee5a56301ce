"""What the tests of the configuration share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlptrain.config.load import parse_config
from mlptrain.errors import ConfigError

MessageOf = Callable[..., str]


@pytest.fixture
def message_of() -> MessageOf:
    """The message with which the file c.yaml is refused, given its content and any overrides."""

    def message(content: str | bytes, *overrides: str) -> str:
        data = content.encode() if isinstance(content, str) else content
        with pytest.raises(ConfigError) as refused:
            parse_config(data, Path("c.yaml"), overrides)
        return str(refused.value)

    return message
