"""Layers, weight initializers and constraints, and the model."""
