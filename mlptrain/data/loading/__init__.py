"""Many image files into arrays: processes, a cache, mapped files."""
