"""What a config can say: the one definition of every key, its type, range, default and meaning.

Validation, `--set`, `--print-config`, the JSON Schema and the checkpoints' copy of the config all
follow from these models. The schema has two kinds of errors of its own: `expected`, for a value
that matches none of several kinds, and `conflict`, for keys, at the paths `at`, that exclude each
other.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mlptrain.config import branches
from mlptrain.config.agreement import (
    SCHEDULE,
    STOPPING,
    refuse_extends,
    require_fitting_loss,
    require_fitting_precisions,
    require_metric,
    require_no_validation,
)
from mlptrain.config.data_schema import DataConfig
from mlptrain.data.sources.source import LocatedPath
from mlptrain.functions.activations import Activation, ReLU
from mlptrain.functions.losses import CrossEntropy, Loss
from mlptrain.nn.layers import MAX_UNITS, Dense, Layer
from mlptrain.optim.improvement import MinDelta, MinDeltaFrom
from mlptrain.optim.optimizers import Adam, MiniBatchOptimizer, Optimizer
from mlptrain.optim.schedules import ReduceOnPlateau
from mlptrain.registry import BRANCH, Definition
from mlptrain.tasks.classification import Classification
from mlptrain.tasks.task import Task, tasks

# isort: split
from mlptrain.data.sources import folder, manifest  # noqa: F401  (they register themselves)

# isort: split
from mlptrain.data.sources import idx, npy, npz, table  # noqa: F401
from mlptrain.tasks import multi_label, regression  # noqa: F401

# isort: split
from mlptrain.data.sources import arrays  # noqa: F401
from mlptrain.optim import lbfgs  # noqa: F401
from mlptrain.tasks import autoencoder, segmentation  # noqa: F401

Count = Annotated[int, Field(ge=1, le=1_000_000)]
ClassWeights = dict[str, Annotated[float, Field(ge=1e-6, le=1e6)]]


class ModelConfig(Definition):
    """The hidden layers, listed one by one or only by their widths. The output layer is implied."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["layers", "hidden_layers"]}})

    layers: Annotated[
        Annotated[tuple[Layer, ...], Field(strict=False)] | None,
        Field(description="the hidden layers, each with its settings"),
    ] = None
    hidden_layers: Annotated[
        Annotated[tuple[Annotated[int, Field(ge=1, le=MAX_UNITS)], ...], Field(strict=False)]
        | None,
        Field(description="units of each hidden layer; [100] if layers is not given either"),
    ] = None
    activation: Annotated[
        Activation | None,
        Field(description="activation of all hidden_layers; relu if not given"),
    ] = None

    def hidden(self) -> tuple[Layer, ...]:
        """The hidden layers, in whichever form they were given."""
        if self.layers is not None:
            return self.layers
        activation = self.activation or ReLU()
        return tuple(
            Dense(units=units, activation=activation) for units in self.hidden_layers or ()
        )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_short_form(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("layers") is not None:
            return value
        short_form = {"hidden_layers": [100], "activation": "relu"}
        missing = {key for key in short_form if value.get(key) is None}
        return {**value, **{key: short_form[key] for key in missing}}

    @model_validator(mode="after")
    def _refuse_both_forms(self) -> Self:
        if self.layers is None:
            return self
        if self.hidden_layers is not None:
            raise PydanticCustomError(
                "conflict",
                "model.layers and model.hidden_layers are two forms of the same; keep one",
                {"at": (("layers",), ("hidden_layers",))},
            )
        if self.activation is not None:
            raise PydanticCustomError(
                "conflict",
                "model.activation goes with hidden_layers; in layers each layer has its own",
                {"at": (("activation",),)},
            )
        return self


class EarlyStopping(Definition):
    """Stop when the model no longer improves, and keep its best weights."""

    monitor: Annotated[
        str, Field(description="train_loss, val_loss or val_ and a metric of the task")
    ] = "val_loss"
    patience: Annotated[Count, Field(description="epochs to wait for an improvement, >= 1")] = 5
    min_delta: MinDelta = 0.0
    min_delta_from: MinDeltaFrom = "improvement"


class InitFrom(Definition):
    """Start from the weights of another model."""

    path: Annotated[
        LocatedPath, Field(description="run folder, checkpoint, or .npz of arrays named as in one")
    ]
    optimizer: Annotated[
        Literal["new", "keep"],
        Field(description="state of the optimizer: new, or keep that of the checkpoint"),
    ] = "new"


class TrainingConfig(Definition):
    """How the model is trained."""

    batch_size: Annotated[
        Annotated[
            Annotated[Literal["auto", "full"], Tag(BRANCH + "name")]
            | Annotated[Count, Tag(BRANCH + "number")],
            branches.BATCH_SIZE,
        ],
        Field(description="examples per step, >= 1; auto: 200, or all if fewer; full: all"),
    ] = 32
    shuffle: Annotated[
        bool, Field(description="a new order of the examples in every epoch; false: as in the data")
    ] = True
    epochs: Annotated[Count, Field(description="passes over the training examples, >= 1")] = 30
    optimizer: Annotated[Optimizer, Field(description="rule that updates the weights")] = Adam()
    loss: Annotated[Loss, Field(description="loss to minimize")] = CrossEntropy()
    l2: Annotated[
        float,
        Field(ge=0, description="adds l2 ‖w‖² / (2 m) to the loss of m examples; biases are free"),
    ] = 0.0
    init_from: Annotated[
        Annotated[
            Annotated[LocatedPath, Tag(BRANCH + "path")]
            | Annotated[InitFrom, Tag(BRANCH + "mapping")],
            branches.INIT_FROM,
        ]
        | None,
        Field(description="weights to start from: a run, checkpoint or .npz; null: random ones"),
    ] = None
    class_weight: Annotated[
        Annotated[
            Annotated[Literal["balanced"], Tag(BRANCH + "balanced")]
            | Annotated[ClassWeights, Tag(BRANCH + "weights")],
            branches.CLASS_WEIGHT,
        ]
        | None,
        Field(description="weight 1e-6..1e6 per class name, others 1; balanced; or null: all 1"),
    ] = None
    early_stopping: Annotated[
        EarlyStopping | None,
        Field(description="when to stop before the last epoch; null, or no validation: never"),
    ] = EarlyStopping()
    precision: Annotated[
        Literal["float32", "float64"],
        Field(description="parameters and computation: float32 or, slower, float64"),
    ] = "float32"
    matmul_precision: Annotated[
        Literal["float32", "bfloat16", "auto"],
        Field(
            description="factors of training's matrix products: float32, or rounded to bfloat16; "
            "auto: bfloat16 where the processor has it"
        ),
    ] = "float32"
    threads: Annotated[
        Annotated[
            Annotated[Literal["auto"], Tag(BRANCH + "auto")]
            | Annotated[int, Field(ge=1, le=1024), Tag(BRANCH + "number")],
            branches.THREADS,
        ],
        Field(description="CPU threads, 1 to 1024, or auto"),
    ] = "auto"

    def start(self) -> InitFrom | None:
        """What `init_from` says, in whichever form it was given."""
        return InitFrom(path=self.init_from) if isinstance(self.init_from, str) else self.init_from


class Config(Definition):
    """A whole config file."""

    extends: Annotated[
        str,
        AfterValidator(refuse_extends),
        Field(exclude=True, description="config file that says what is not given here"),
    ] = ""
    task: Annotated[Task, Field(description="what the network learns")] = Classification()
    data: Annotated[DataConfig, Field(description="the examples")]
    model: Annotated[ModelConfig, Field(description="the network")] = ModelConfig()
    training: Annotated[TrainingConfig, Field(description="how it is trained")] = TrainingConfig()
    seed: Annotated[
        int, Field(ge=0, le=2**63 - 1, description="seed of all random numbers, 0 to 2^63 - 1")
    ] = 0
    plugins: Annotated[
        tuple[LocatedPath, ...],
        Field(strict=False, description="Python files with your own definitions; they are run"),
    ] = ()

    @model_validator(mode="before")
    @classmethod
    def _choose_the_loss_of_the_task(cls, value: Any) -> Any:
        """The default of `training.loss` is the task's."""
        match value:
            case {"task": {"type": str(name)} | str(name)} if name in tasks:
                training = value.get("training", {})
                if isinstance(training, dict):
                    return {**value, "training": {"loss": tasks[name].loss, **training}}
        return value

    @model_validator(mode="before")
    @classmethod
    def _stop_early_where_there_is_validation(cls, value: Any) -> Any:
        """Without a validation split, the default of `early_stopping` is null."""
        match value:
            case {"data": {"validation": None}}:
                training = value.get("training", {})
                if isinstance(training, dict):
                    return {**value, "training": {"early_stopping": None, **training}}
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        require_fitting_loss(self.task, self.training.loss)
        require_fitting_precisions(self.training.precision, self.training.matmul_precision)
        monitors: dict[tuple[str, ...], str] = {}
        if self.training.early_stopping is not None:
            monitors[STOPPING] = self.training.early_stopping.monitor
            require_metric(self.task, monitors[STOPPING])
        match self.training.optimizer:
            case MiniBatchOptimizer(schedule=ReduceOnPlateau(monitor=str(watched))):
                monitors[SCHEDULE] = watched
        if self.data.validation is None:
            for at, monitor in monitors.items():
                require_no_validation(self.task, at, monitor)
        return self
