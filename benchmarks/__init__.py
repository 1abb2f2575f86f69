"""Measurements that the documentation quotes; each is a command, ``python -m benchmarks.NAME``."""
