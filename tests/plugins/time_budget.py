"""A schedule that looks at the clock."""

from typing import Annotated, Literal

from pydantic import Field

from mlptrain.optim.schedules import Constant, schedules


@schedules.register
class TimeBudget(Constant):
    """The learning rate falls to 0 in a straight line, in so many seconds of training."""

    type: Literal["time_budget"] = "time_budget"
    seconds: Annotated[float, Field(gt=0, description="seconds of training, above 0")] = 60.0

    def observe(self, values, seconds, memory):
        memory["seconds"] = memory.get("seconds", 0.0) + seconds
        memory["factor"] = max(0.0, 1 - memory["seconds"] / self.seconds)
