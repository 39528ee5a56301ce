"""What a model is trained for: what its predictions come to, and the metrics that judge them."""
