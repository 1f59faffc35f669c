"""pyinit: a PID 1 for containers that reaps, forwards signals, supervises and raises rlimits."""

__version__ = "0.1.0"
