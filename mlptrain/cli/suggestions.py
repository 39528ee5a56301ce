"""Command lines to suggest to the user, ready to paste into a shell."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from mlptrain.errors import StoppedError
from mlptrain.text import shorter, show_name
from mlptrain.training.run import Run


def next_commands(
    folder: Path, plugins: Sequence[str], argument: str, *, tested: bool
) -> list[str]:
    """What to do with the run in `folder`, which needs `plugins`: its test split is there to
    evaluate if `tested`, and it predicts from an `argument`."""
    place = shell(folder) + "".join(f" --plugin {shell(Path(each))}" for each in plugins)
    evaluate = [f"mlptrain eval {place}"] if tested else []
    return [*evaluate, f"mlptrain predict {argument} --model {place}"]


def how_to_resume(
    error: StoppedError, run: Run, config: Path, plugins: Sequence[Path]
) -> StoppedError:
    """`error` with where training stands and the command that resumes it."""
    command = ["mlptrain", "train", shell(config), "--run-dir", shell(run.folder.path)]
    command += [part for each in run.given.overrides for part in ("--set", shell(each))]
    command += [part for each in plugins for part in ("--plugin", shell(each))]
    epoch, step = run.progress.epoch + 1, run.progress.step
    return StoppedError(
        f"stopped in epoch {epoch}, after step {step}; the state is saved. Resume with:\n"
        f"  {' '.join(command)} --resume",
        error.signal_number,
    )


def shell(argument: Path | str) -> str:
    """`argument` quoted for bash; unprintable characters become escapes that bash understands."""
    text = shorter(argument) if isinstance(argument, Path) else argument
    if show_name(text) == text:
        return shlex.quote(text)
    escaped = text.replace("\\", r"\\").replace("'", r"\'")
    return f"$'{show_name(escaped)}'"
