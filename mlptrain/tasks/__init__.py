"""What a network learns: one task per file, and the metrics that score it."""
