"""What a network is to learn: one task per file, and the metrics that judge it."""
