"""mlptrain: one YAML file in, one trained multi-layer perceptron out.

    model = mlptrain.load("runs/digits-001")
    model.predict("some.png")
    result = mlptrain.fit("digits.yaml")

What these names stand for is imported when it is first used.
"""

__version__ = "0.1.0"
__all__ = ["FitResult", "Model", "__version__", "errors", "fit", "load"]

TYPE_CHECKING = False  # type checkers take it as true; importing typing would cost more than this
if TYPE_CHECKING:
    from mlptrain import errors as errors
    from mlptrain.api.fitting import FitResult as FitResult
    from mlptrain.api.fitting import fit as fit
    from mlptrain.api.model import Model as Model
    from mlptrain.api.model import load as load
else:

    def __getattr__(name: str) -> object:
        if name == "errors":
            import mlptrain.errors

            return mlptrain.errors
        if name in ("Model", "load"):
            from mlptrain.api import model

            return getattr(model, name)
        if name in ("FitResult", "fit"):
            from mlptrain.api import fitting

            return getattr(fitting, name)
        raise AttributeError(f"module 'mlptrain' has no attribute {name!r}")
