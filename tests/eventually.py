"""Waiting in tests without sleeping: ask until the answer is yes or the time is up."""

import time


def eventually(check, within_s=10.0, every_s=0.01):
    """Return the first truthy value of `check()`, or raise AssertionError naming the last one."""
    deadline = time.monotonic() + within_s
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"still {value!r} after {within_s} s")
        time.sleep(every_s)
