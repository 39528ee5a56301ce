"""What `import mlptrain` offers; `mlptrain/__init__.py` loads it when it is first used."""
