"""Measurements of mlptrain beside its peers: `python -m benchmarks --help`, or `make bench`."""
