"""scikit-learn's multi-layer perceptrons on this engine: `MLPClassifier` and `MLPRegressor`, with
the same parameters, attributes, warnings and, up to rounding, the same numbers.

    from mlptrain.sklearn import MLPClassifier  # instead of sklearn.neural_network
"""

from mlptrain.sklearn.classifier import MLPClassifier
from mlptrain.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
