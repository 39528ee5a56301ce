"""Models and runs beside each other: what changed, and whether it is more than chance."""
