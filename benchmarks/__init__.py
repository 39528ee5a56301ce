"""mlptrain measured beside its peers: `python -m benchmarks --help`, or `make bench`."""
