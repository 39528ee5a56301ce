"""The predictions for a whole split, accumulated; one kind of outcome per task.

    outcome = ClassOutcome(("cat", "dog"), keep_scores=True)
    for outputs, targets, loss in batches:
        outcome.add(outputs, targets)
        outcome.add_loss(loss, len(outputs))

`mlptrain.tasks.metrics` turns an outcome into numbers.
"""
