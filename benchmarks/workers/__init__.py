"""One process per contestant: each trains in a process of its own, and waits blocked for its turn.

Frameworks in one process share, or fight over, thread pools; apart they meet only in the caches.
"""
