"""One file per command: its signature, and what it calls and shows.

What a command needs is imported when it runs, so that `--help` stays instant.
"""
