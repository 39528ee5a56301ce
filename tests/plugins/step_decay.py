"""A schedule."""

from typing import Annotated, Literal

from pydantic import Field

from mlptrain.optim.schedules import Schedule, schedules


@schedules.register
class StepDecay(Schedule):
    """The learning rate times `share` after each of `drops` equal parts of the run but the last."""

    type: Literal["step_decay"] = "step_decay"
    depends_on_epochs = True
    drops: Annotated[int, Field(ge=1, description="parts of the run")] = 3
    share: Annotated[float, Field(gt=0, le=1, description="what is left after a drop")] = 0.1

    def after_warmup(self, progress):
        return self.share ** min(int(progress * self.drops), self.drops - 1)
