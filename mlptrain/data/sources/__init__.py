"""Data sources: each lists its examples, and the choice between them."""
