"""Every error a user can meet, and the exit code the command line gives it.

    MlptrainError
    ├── UsageError        2   the command line itself
    ├── ConfigError       2   the YAML file, or --set
    ├── DefinitionError   2   a class that cannot be registered or used, of a plug-in
    ├── DataError         3   images, labels, splits
    ├── ModelFileError    4   a checkpoint that is damaged or does not fit
    ├── DivergedError     5   NaN or Inf in the loss or a gradient
    ├── FileSystemError   6   disk full, permissions, I/O
    ├── RunFolderError    7   run folder busy, or already there
    ├── GateMissedError   8   a gate of `eval` (--min, --max) or a check was missed
    └── StoppedError    128+n  stopped by signal n, state saved
    KeyboardInterrupt
    └── FitInterrupted         Ctrl-C in mlptrain.fit, which knows what was finished

A message reads `where: what is wrong, with the value. What is allowed. What to do.`
`Interrupted` (128+n) is a signal that ended the work where it was, with nothing to save.
Anything else that escapes is a bug in mlptrain: exit code 1, with a traceback.
"""

from typing import Any, ClassVar


class MlptrainError(Exception):
    """An error whose message is meant for the user; `exit_code` is the process's exit status."""

    exit_code: ClassVar[int] = 1


class UsageError(MlptrainError):
    exit_code = 2


class ConfigError(MlptrainError):
    exit_code = 2


class DefinitionError(MlptrainError):
    exit_code = 2


class DataError(MlptrainError):
    exit_code = 3


class ModelFileError(MlptrainError):
    exit_code = 4


class DivergedError(MlptrainError):
    """`what` happened, with what was kept of the training, and a `remedy`."""

    exit_code = 5

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what, self.remedy = what, remedy


class FileSystemError(MlptrainError):
    exit_code = 6


class RunFolderError(MlptrainError):
    exit_code = 7


class GateMissedError(MlptrainError):
    exit_code = 8


class StoppedError(MlptrainError):
    """Training was stopped by a signal after its state was saved."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        return 128 + self.signal_number


class FitInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped `mlptrain.fit`. `result`: the FitResult with the best epoch so far; None if no
    epoch was finished."""

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result


class Interrupted(BaseException):
    """Signal `signal_number` ended the work where it was. The message may be empty."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
