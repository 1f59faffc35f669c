"""SYSCALLS: the only place that makes them."""
