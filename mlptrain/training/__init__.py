"""Training, evaluation and prediction, and the run folder that ties them together."""
