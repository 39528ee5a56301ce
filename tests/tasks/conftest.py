"""scikit-learn checks its arguments for most of its time; here they are valid."""

from collections.abc import Iterator

import pytest
from sklearn import config_context


@pytest.fixture(autouse=True)
def _without_checks() -> Iterator[None]:
    with config_context(skip_parameter_validation=True, assume_finite=True):
        yield
