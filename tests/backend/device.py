"""A stand-in for a device with its own memory: its arrays refuse to meet those of main memory."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlptrain.backend.numpy import NumpyBackend


class DeviceArray(np.ndarray[Any, Any]):
    """An array that only `put`, `fetch` and scalars connect with main memory."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        _require_device(*inputs, *keywords.get("out", ()))
        plain = [_plain(each) for each in inputs]
        keywords = {name: _plain(each) for name, each in keywords.items()}
        return _on_device(getattr(ufunc, method)(*plain, **keywords))

    def __array_function__(self, function: Any, _types: Any, given: Any, keywords: Any) -> Any:
        _require_device(*given, *keywords.values())
        plain = {name: _plain(each) for name, each in keywords.items()}
        return _on_device(function(*map(_plain, given), **plain))

    def __setitem__(self, place: Any, value: Any) -> None:
        _require_device(place, value)
        _plain(self)[_plain(place)] = _plain(value)

    def __getitem__(self, place: Any) -> Any:
        _require_device(place)
        return super().__getitem__(place)

    def take(self, places: Any, *arguments: Any, **keywords: Any) -> Any:
        _require_device(places, *keywords.values())
        return super().take(places, *arguments, **keywords)

    def dot(self, other: Any, **keywords: Any) -> Any:
        _require_device(other)
        return super().dot(other, **keywords)

    def tolist(self) -> Any:
        raise AssertionError("fetch the array first")


def _require_device(*given: Any) -> None:
    for each in given:
        if isinstance(each, tuple | list):
            _require_device(*each)
        elif isinstance(each, np.ndarray) and each.ndim and not isinstance(each, DeviceArray):
            raise AssertionError("an array of main memory meets one of the device")


def _plain(each: Any) -> Any:
    if isinstance(each, tuple):
        return tuple(map(_plain, each))
    return each.view(np.ndarray) if isinstance(each, DeviceArray) else each


def _on_device(result: Any) -> Any:
    return result.view(DeviceArray) if isinstance(result, np.ndarray) else result


class DeviceBackend(NumpyBackend):
    """NumPy's rules on such arrays."""

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> Any:
        return super().empty(shape, dtype).view(DeviceArray)

    def put(self, array: NDArray[Any]) -> Any:
        assert not isinstance(array, DeviceArray)
        return array.copy().view(DeviceArray)

    def fetch(self, array: Any) -> NDArray[Any]:
        assert isinstance(array, DeviceArray)
        return array.view(np.ndarray).copy()
