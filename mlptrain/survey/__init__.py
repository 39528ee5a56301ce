"""What there is to know about data before training: facts, faults, and a config to start with."""
