"""Backends: memory for arrays, and the code that computes on them."""
