"""From a config file to a run: read everything, lock the run folder, restore a saved state."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from mlptrain.backend.choice import choose_backend, choose_matmul_precision, set_threads
from mlptrain.backend.protocol import Backend, MatmulPrecision
from mlptrain.config.describe import resolved_yaml
from mlptrain.config.flat import flat
from mlptrain.config.load import GivenConfig, load_config
from mlptrain.config.schema import Config
from mlptrain.data.dataset import Dataset
from mlptrain.data.normalization import Normalization
from mlptrain.errors import ConfigError, RunFolderError
from mlptrain.nn.model import Model, count_parameters, count_state
from mlptrain.tasks.class_weights import weighted
from mlptrain.text import show_name, show_path
from mlptrain.training import checkpoint, split_table
from mlptrain.training.checkpoint import Checkpoint, State
from mlptrain.training.datasets import Reading, Splits, fractions, read_splits, scaled_as
from mlptrain.training.descent import examples_per_step
from mlptrain.training.fitting import Fitting
from mlptrain.training.run import Run
from mlptrain.training.run_folder import RunFolder, check_free, existing_run, open_run
from mlptrain.training.trained_model import network_of
from mlptrain.training.trainer import Trainer
from mlptrain.training.warm_start import Start, read_start


@contextmanager
def prepare_run(
    config_path: Path,
    overrides: Sequence[str],
    run_dir: Path | None,
    plugins: Sequence[Path] = (),
    *,
    resume: bool,
    reading: Reading,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Run]:
    """Read config and data, lock the run folder and, with `resume`, restore its last state if there
    is one. Nothing is written before config and data have been checked."""
    given = load_config(config_path, overrides, plugins, environment=environment)
    with start_run(given, config_path.stem, run_dir, resume=resume, reading=reading) as run:
        yield run


@contextmanager
def start_run(
    given: GivenConfig, name: str, run_dir: Path | None, *, resume: bool, reading: Reading
) -> Iterator[Run]:
    """The same for a config of this `name`."""
    with ExitStack() as stack:
        folder = saved = None
        if resume and (found := existing_run(name, run_dir)):
            folder = stack.enter_context(open_run(name, found, resume=True))
            saved = _last_state(folder)
            if saved:
                _require_same_plugins(given.plugins, saved)
                _require_same_config(given.config, saved)
        elif run_dir is not None:
            check_free(run_dir)
        fitting = prepare_fitting(given, reading, saved)
        folder = folder or stack.enter_context(open_run(name, run_dir, resume=False))
        run = Run(fitting, folder)
        if saved:
            run.restore(saved)
        if not run.ended:
            folder.require_space(run.checkpoint_bytes())
        folder.rewind(run.progress.epoch, finished=run.trainer.reason_to_stop() is not None)
        if not run.ended:
            there = resolved_yaml(given.seen_from(folder.path))
            folder.write_inputs(there, split_table.encode(run.splits))
        yield run


def prepare_fitting(
    given: GivenConfig,
    reading: Reading,
    saved: Checkpoint | None = None,
    like: State | None = None,
) -> Fitting:
    """Read the data and build the trainer, with the kernels and threads of the `saved` state to
    resume from, or of one that the results are to be `like`."""
    _computing(given.config, saved.state if saved else like)  # may refuse: before reading the data
    init = given.config.training.start()
    start = read_start(init) if init and not saved else None
    return build_fitting(given, read_splits(given.config, reading), start, saved, like)


def build_fitting(
    given: GivenConfig,
    splits: Splits,
    start: Start | None,
    saved: Checkpoint | None = None,
    like: State | None = None,
) -> Fitting:
    """The same for data that has been read, and weights to `start` from."""
    config = given.config
    like = saved.state if saved else like
    backend, matmul_precision = _computing(config, like)
    model = _build_model(config, splits, backend, matmul_precision)
    threads = like.threads if like else config.training.threads
    size = examples_per_step(config.training, len(splits.train)) * model.largest_kernel
    used = set_threads(backend, threads, size)
    splits, trainer = _trainer(config, model, splits, saved, start)
    origin = saved.state.init_from if saved else start.origin if start else None
    return Fitting(given, splits, trainer, threads, used, origin)


def _computing(config: Config, like: State | None) -> tuple[Backend, MatmulPrecision]:
    """The backend, and what the products of training round their factors to. Raises ConfigError if
    they cannot."""
    backend = choose_backend(like.kernels if like else None)
    training = config.training
    if training.precision == "float64":
        return backend, "float32"
    recorded = like.matmul_precision if like else None
    return backend, choose_matmul_precision(training.matmul_precision, backend, recorded)


def _trainer(
    config: Config, model: Model, splits: Splits, saved: Checkpoint | None, start: Start | None
) -> tuple[Splits, Trainer]:
    """The trainer of `model`, and the data as it takes it: scaled as for the state to resume
    from, `saved`, or for the weights to `start` from."""
    if saved:
        splits = scaled_as(splits, saved.state.targets)
    elif start:
        splits = start.prepare(config, model, splits)
    before = saved or (start.saved if start else None)
    targets = weighted(splits.train.targets, config.training.class_weight)
    trainer = Trainer(
        config.training,
        config.task,
        model,
        replace(splits.train, targets=targets),
        splits.validation,
        before.state.normalization
        if before
        else _normalization(config.data.normalize, splits.train),
        config.seed,
    )
    if start:
        start.fill(config, trainer)
    return splits, trainer


def _last_state(folder: RunFolder) -> Checkpoint | None:
    """The state to resume from; None if the run stopped before saving one. Raises RunFolderError if
    a saved state has disappeared: starting again would overwrite what is left of the run."""
    if os.path.lexists(folder.last):
        saved = checkpoint.load(folder.last)
        best = saved.state.progress.best_epoch
        if best and not os.path.lexists(folder.best):
            raise RunFolderError(
                f"{show_path(folder.best)}: is missing, but epoch {best} of this run wrote it. "
                "Restore it, or name another folder with --run-dir."
            )
        return saved
    if os.path.lexists(folder.best):
        best = checkpoint.load(folder.best).state.progress.epoch
        if best > 1:  # the first best state is written before the first last state
            raise RunFolderError(
                f"{show_path(folder.last)}: is missing, but the best state, of epoch {best}, is "
                "there. Restore it, or name another folder with --run-dir."
            )
    return None


def _build_model(
    config: Config, splits: Splits, backend: Backend, matmul_precision: MatmulPrecision
) -> Model:
    """The model, with all parameters zero. Raises ConfigError if it does not fit into memory."""
    hidden, optimizer = config.model.hidden(), config.training.optimizer
    shape, names = splits.train.inputs.shape[1:], splits.train.targets.names
    inputs, units = math.prod(shape), config.task.head(shape, names).units
    parameters = count_parameters(hidden, inputs, units)
    numbers = parameters * (2 + len(optimizer.state())) + count_state(hidden, inputs, units)
    needed = numbers * np.dtype(config.training.precision).itemsize
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > memory:
        raise ConfigError(
            f"model: has {parameters:,} parameters; with gradients and the state of "
            f"{optimizer.model_dump()['type']} they take {needed / 1e9:.1f} GB, this machine has "
            f"{memory / 1e9:.1f} GB. Use fewer units, a smaller data.image.height and width, or an "
            "optimizer with less state."
        )
    return network_of(config, shape, names, backend, matmul_precision)


def _require_same_plugins(plugins: dict[str, str], saved: Checkpoint) -> None:
    """Raise ConfigError unless the run's plug-ins are loaded and unchanged."""
    for name, digest in saved.state.plugins.items():
        if plugins.get(name) != digest:
            raise ConfigError(
                f"{show_path(saved.path)}: was trained with another version of the plug-in "
                f"{show_name(name)}. Restore that to resume the run, or start a new run."
            )


def _require_same_config(config: Config, saved: Checkpoint) -> None:
    """Raise an error if the config differs from the run's. Only the number of epochs may grow, and
    only if the learning rates so far do not depend on it. Paths of data and plug-ins and the cache
    setting may differ: data and plug-ins are compared by content."""
    free: dict[str, Any] = {"data": {"train", "validation", "test", "cache"}, "plugins": True}
    free["training"] = {"init_from"}
    now, then = (
        flat(each.model_dump(mode="json", exclude=free)) | _start(each) | _fractions(each)
        for each in (config, saved.state.config)
    )
    changed = sorted(key for key in now.keys() | then.keys() if now.get(key) != then.get(key))
    grows = config.training.epochs > saved.state.config.training.epochs
    if grows and not config.training.optimizer.depends_on_epochs:
        changed.remove("training.epochs")
    if changed:
        lines = [f"  {key}: {then.get(key)} then, {now.get(key)} now" for key in changed]
        raise ConfigError(
            f"{show_path(saved.path)}: was trained with another config:\n"
            + "\n".join(lines)
            + "\nPut the values back to resume it, or start a new run. Only training.epochs may "
            "grow, and only with a schedule that does not depend on it."
        )


def _start(config: Config) -> dict[str, Any]:
    """How a run starts, but not from where: its weights are in its own states by now."""
    start = config.training.start()
    return {} if start is None else {"training.init_from.optimizer": start.optimizer}


def _fractions(config: Config) -> dict[str, Any]:
    """Which splits are fractions of the training examples, by key."""
    return {f"data.{name}": fraction for name, fraction in fractions(config).items()}


def _normalization(setting: str, train: Dataset) -> Normalization:
    """The normalization that data.normalize names, fitted on the training split."""
    if train.inputs.dtype == np.uint8:
        if setting == "none":
            return Normalization.identity(train.inputs.shape[-1])
        return Normalization.of_images(train.parts())
    if setting == "none":
        return Normalization.identity(1, unit=1)
    return Normalization.of_numbers(train.parts())
