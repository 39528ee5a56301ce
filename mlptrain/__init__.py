"""mlptrain: one YAML file in, one trained multi-layer perceptron out."""

__version__ = "0.1.0"
