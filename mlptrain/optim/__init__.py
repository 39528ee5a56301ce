"""From gradients to new parameters: update rules, schedules, clipping, all on one flat vector."""
