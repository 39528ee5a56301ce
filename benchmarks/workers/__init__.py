"""One process per contestant, which blocks until its turn.

In one process, frameworks would share thread pools or compete for cores; apart, they share only the
processor's caches.
"""
