"""`MLPClassifier`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels

from mlptrain.functions.losses import Loss
from mlptrain.sklearn.estimator import Perceptron
from mlptrain.sklearn.losses import BinaryLogLoss, LogLoss

Array = NDArray[Any]


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, Perceptron):
    """A classifier with the parameters of `sklearn.neural_network.MLPClassifier`, which documents
    them, its attributes and its numbers; and with `precision`, see `Perceptron`.

    y (n,) holds a class per example, or y (n, labels) 0 or 1 for each label (multi-label).
    """

    hidden_layer_sizes: int | Sequence[int] = (100,)
    activation: str = "relu"

    @available_if(Perceptron._is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Make one epoch on X (n, features), y and sample_weight (n,). The first call needs
        `classes`, all that may ever come."""
        if classes is None and getattr(self, "classes_", None) is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if classes is not None:
            self._set_classes(classes, y)
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Any:
        """The classes (n,), or (n, labels) 0 or 1, of X (n, features); labels as a sparse matrix
        if those that it was fitted to were one."""
        return self._decided(self._predicted(X))

    def predict_proba(self, X: Any) -> Array:
        """The probabilities (n, classes) for X (n, features); columns as in `classes_`."""
        p = self._predicted(X)
        return np.hstack([1 - p, p]) if self.n_outputs_ == 1 else p

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        return np.log(self.predict_proba(X))

    def _set_classes(self, classes: Any, y: Any) -> None:
        """Note the `classes` given to `partial_fit`; raises ValueError if they have changed."""
        known, given = getattr(self, "classes_", None), unique_labels(classes)
        if known is not None:
            if not np.array_equal(known, given):
                raise ValueError(
                    f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                    f"{known!r}"
                )
            return
        self.classes_ = given
        is_multi_label = type_of_target(y).startswith("multilabel")
        self._label_binarizer = LabelBinarizer().fit(y if is_multi_label else classes)

    def _validate(self, X: Any, y: Any, *, incremental: bool, reset: bool) -> tuple[Any, Array]:
        X, y = self._checked(X, y, reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._require_known(unique_labels(y))
        return X, self._label_binarizer.transform(y).astype(bool)

    def _require_known(self, classes: Array) -> None:
        """Raise ValueError unless `classes`, those of y, may follow those of an earlier fit."""
        if self.warm_start and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {classes}"
            )
        if not self.warm_start and len(np.setdiff1d(classes, self.classes_)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    @property
    def _output(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _loss(self) -> Loss:
        return LogLoss() if self.out_activation_ == "softmax" else BinaryLogLoss()

    def _targets(self, y: Array) -> Array:
        return y.argmax(axis=1) if self.out_activation_ == "softmax" else y

    def _decided(self, outputs: Array) -> Any:
        each = outputs.ravel() if self.n_outputs_ == 1 else outputs
        return self._label_binarizer.inverse_transform(each)

    def _score(self, X: Any, y: Array, sample_weight: Array | None) -> float:
        truth, found = self._label_binarizer.inverse_transform(y), self._decided(self._forward(X))
        return float(accuracy_score(truth, found, sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
