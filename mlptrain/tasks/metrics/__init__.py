"""Metrics: numbers that say how good an outcome is. Each is one registered definition.

`measure.py` looks them up by name; the other modules define them.
"""
