"""wrong_values.txt lists values, as `--set` takes them, and the exact message each is refused with:
for every key one of another type, and those just outside its bounds."""

import re
from pathlib import Path

import pytest

from mlptrain.config.load import parse_config
from mlptrain.config.schema import Config
from mlptrain.errors import ConfigError

LINES = (Path(__file__).parent / "wrong_values.txt").read_text(encoding="utf-8").splitlines()
REFUSED = list(zip(LINES[::2], LINES[1::2], strict=True))
ACCEPTED = [
    "data.validation=0.001",
    "data.validation=0.999",
    "data.image.background=0",
    "data.image.background=255",
    "model.hidden_layers=[1]",
    "model.layers=[{type: dropout, rate: 0}]",
    "model.layers=[{type: dropout, rate: 0.999999}]",
    "training.batch_size=1000000",
    "training.batch_size=auto",
    "training.batch_size=full",
    "training.optimizer.learning_rate=1e-30",
    "training.optimizer.beta_1=0",
    "training.optimizer.beta_1=0.999999",
    "training.optimizer.schedule={type: cosine, warmup_epochs: 0}",
    "training.optimizer.schedule={type: cosine, warmup_epochs: 0.5}",
    "training.optimizer.schedule={type: cosine, warmup_epochs: 1000000}",
    "training.loss={type: cross_entropy, label_smoothing: 0}",
    "training.loss={type: cross_entropy, label_smoothing: 0.999999}",
    "training.early_stopping={min_delta: 0}",
    "training.threads=1",
    "training.threads=1024",
    "training.threads=auto",
    "seed=0",
    "seed=9223372036854775807",
]


def config(override: str) -> Config:
    return parse_config(b"data: {train: x}\n", Path("c.yaml"), [override])


@pytest.mark.parametrize(("override", "message"), REFUSED, ids=LINES[::2])
def test_a_wrong_value_is_refused_in_plain_words(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config(override)
    assert str(refused.value) == f"--set {override}: {message.strip()}"
    assert not re.search(r"Value error|[Ii]nput should|valid (integer|string|number)", message)


@pytest.mark.parametrize("override", ACCEPTED)
def test_a_value_just_within_its_bounds_is_accepted(override: str) -> None:
    config(override)
