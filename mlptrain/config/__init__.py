"""From a YAML file to a validated config, and from the schema back to text.

`load` reads, `schema` defines every key, `describe` prints; the other modules are steps of loading.
"""
