"""Layers, how their weights start, and the model they form."""
