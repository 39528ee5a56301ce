"""The statistics are those of the definition, to the last bit whatever the order."""

import numpy as np
import pytest

from mlptrain.data.normalization import Normalization


@pytest.mark.parametrize("shape", [(2500, 3, 5, 3), (7, 3, 5, 3), (1, 2, 1, 3)])
def test_fit_is_the_mean_and_standard_deviation_per_channel(shape: tuple[int, ...]) -> None:
    """Also of an odd number of pixels."""
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    images[..., 1] //= 3
    fitted = Normalization.of_images([images])
    np.testing.assert_allclose(fitted.mean, (images / 255).mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(fitted.std, (images / 255).std((0, 1, 2)), rtol=1e-12)
    x = images * fitted.scale + fitted.offset
    np.testing.assert_allclose(x.mean((0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(x.std((0, 1, 2)), 1, atol=1e-12)
    assert Normalization.of_images([images[::-1]]) == fitted


def test_a_tiny_variance_is_not_lost() -> None:
    images = np.full((1000, 50, 50, 1), 254, np.uint8)
    images[0, 0, 0] = 255
    n = images.size
    exact = ((n - 1) / n / n) ** 0.5 / 255
    assert Normalization.of_images([images]).std[0] == pytest.approx(exact, rel=1e-12, abs=0)


def test_a_constant_channel_gets_no_scaling() -> None:
    fitted = Normalization.of_images(np.full((2, 2, 2, 1), 51, np.uint8))
    assert fitted == Normalization(mean=(0.2,), std=(1.0,))


def test_identity_maps_to_0_1() -> None:
    identity = Normalization.identity(3)
    np.testing.assert_array_equal(255 * identity.scale + identity.offset, [1, 1, 1])
    np.testing.assert_array_equal(identity.offset, [0, 0, 0])


def test_it_travels_through_json() -> None:
    fitted = Normalization.of_images(np.arange(12, dtype=np.uint8).reshape(2, 2, 1, 3))
    assert Normalization.model_validate_json(fitted.model_dump_json()) == fitted
    with pytest.raises(ValueError, match="greater than 0"):
        Normalization(mean=(0.0,), std=(0.0,))
