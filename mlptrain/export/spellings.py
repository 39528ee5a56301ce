"""What each target can say: the one table of activations, layers and tasks.

A spelling is what the target writes; `{name}` stands for a setting. None: the target lacks it.
"""

from dataclasses import dataclass, fields

from mlptrain.errors import UsageError
from mlptrain.export.network import Activate, Network
from mlptrain.text import show_name


@dataclass(frozen=True)
class Spelling:
    """An activation in each target.

    Attributes:
        onnx: operator, with its attribute; after "*" it is multiplied by its input.
        numpy: expression of the array x.
        torch: module.
        keras: class of a layer with its setting, or else the name of an activation.
        sklearn: name.
        browser: expression of the number v.
    """

    onnx: str
    numpy: str
    torch: str
    keras: str | None
    sklearn: str | None
    browser: str


ACTIVATIONS = {
    "relu": Spelling(
        onnx="Relu",
        numpy="np.maximum(x, 0)",
        torch="nn.ReLU()",
        keras="relu",
        sklearn="relu",
        browser="Math.max(v, 0)",
    ),
    "leaky_relu": Spelling(
        onnx="LeakyRelu alpha {negative_slope}",
        numpy="np.maximum(x, {negative_slope} * x)",
        torch="nn.LeakyReLU({negative_slope})",
        keras="LeakyReLU negative_slope {negative_slope}",
        sklearn=None,
        browser="Math.max(v, {negative_slope} * v)",
    ),
    "elu": Spelling(
        onnx="Elu alpha {alpha}",
        numpy="np.maximum(x, 0) + {alpha} * np.expm1(np.minimum(x, 0))",
        torch="nn.ELU({alpha})",
        keras="ELU alpha {alpha}",
        sklearn=None,
        browser="v > 0 ? v : {alpha} * Math.expm1(v)",
    ),
    "gelu": Spelling(
        onnx="Gelu approximate none",
        numpy="x * 0.5 * (1 + np.vectorize(math.erf, otypes='f')(x / 2**0.5))",
        torch="nn.GELU()",
        keras="gelu",
        sklearn=None,
        browser="v * 0.5 * (1 + erf(v / Math.SQRT2))",
    ),
    "gelu_tanh": Spelling(
        onnx="Gelu approximate tanh",
        numpy="x * 0.5 * (1 + np.tanh((2 / math.pi) ** 0.5 * (x + 0.044715 * x**3)))",
        torch='nn.GELU(approximate="tanh")',
        keras=None,
        sklearn=None,
        browser="v * 0.5 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))",
    ),
    "silu": Spelling(
        onnx="Sigmoid *",
        numpy="x / (1 + np.exp(-x))",
        torch="nn.SiLU()",
        keras="silu",
        sklearn=None,
        browser="v / (1 + Math.exp(-v))",
    ),
    "tanh": Spelling(
        onnx="Tanh",
        numpy="np.tanh(x)",
        torch="nn.Tanh()",
        keras="tanh",
        sklearn="tanh",
        browser="Math.tanh(v)",
    ),
    "exponential": Spelling(
        onnx="Exp",
        numpy="np.exp(x)",
        torch="Exponential()",
        keras="exponential",
        sklearn="exp",
        browser="Math.exp(v)",
    ),
    "sigmoid": Spelling(
        onnx="Sigmoid",
        numpy="1 / (1 + np.exp(-x))",
        torch="nn.Sigmoid()",
        keras="sigmoid",
        sklearn="logistic",
        browser="1 / (1 + Math.exp(-v))",
    ),
    "softplus": Spelling(
        onnx="Softplus",
        numpy="np.logaddexp(x, np.float32(0))",
        torch="nn.Softplus()",
        keras="softplus",
        sklearn=None,
        browser="Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)))",
    ),
    "softmax": Spelling(
        onnx="Softmax",
        numpy="softmax(x)",
        torch="nn.Softmax(-1)",
        keras="softmax",
        sklearn="softmax",
        browser="softmax",
    ),
}
LACKING = {  # layers, tasks, and inputs that are numbers
    "browser": {"numbers": "a page takes images"},
    "keras": {"residual": "a Sequential model cannot branch"},
    "sklearn": {
        "residual": "its networks cannot branch",
        "segmentation": "it has one softmax for a whole example, not one per pixel",
    },
}
TARGETS = [each.name for each in fields(Spelling)]


def spelled(target: str, step: Activate) -> str:
    """How `target` writes the activation of `step`, which it has; see `require`."""
    spelling = getattr(ACTIVATIONS[step.name], target)
    return str(spelling).format(**step.settings)


def require(target: str, network: Network) -> None:
    """Raise UsageError if `target` cannot say everything in `network`."""
    lacking = LACKING.get(target, {})
    for word, what in (
        ("images" if network.form else "numbers", "inputs that are"),
        (network.task, "the task"),
        *((s.kind, "a layer") for s in network.all_steps()),
    ):
        if word in lacking:
            others = [each for each in TARGETS if word not in LACKING.get(each, {})]
            raise UsageError(
                f"--to {target}: the model has {what} {word}, and {lacking[word]}. "
                f"Use --to {', '.join(others)}."
            )
    for step in network.all_steps():
        if isinstance(step, Activate) and not _has(target, step.name):
            others = [each for each in TARGETS if _has(each, step.name)]
            known = ", ".join(name for name in ACTIVATIONS if _has(target, name))
            remedy = f"Use --to {', '.join(others)}." if others else "--to weights keeps it."
            raise UsageError(
                f"--to {target}: the model has the activation {show_name(step.name)}, which "
                f"{target} lacks. It has identity, {known}. {remedy}"
            )


def _has(target: str, name: str) -> bool:
    return name in ACTIVATIONS and getattr(ACTIVATIONS[name], target) is not None
