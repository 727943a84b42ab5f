"""The checks that `tools/check.py` runs; one module a subject."""
