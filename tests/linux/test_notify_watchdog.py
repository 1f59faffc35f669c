"""Watchdogs of sd_notify(3) under a real PID 1."""

import time

from boxed import Box, eventually
from notifying import speaker


def test_a_watchdog_that_is_fed_lives_and_one_that_is_not_is_restarted():
    code = r"""
say("every", os.environ["WATCHDOG_USEC"])
for _ in range(10):
    tell("WATCHDOG=1")
    time.sleep(0.1)
say("silent")
wait()
"""
    keys = {"live": {"watchdog": "800ms"}, "restart": {"delay": "10ms"}, "start_seconds": 0}
    with Box(speaker(code, ready=False, **keys)) as box:
        box.until("silent", out=True)
        assert "every 800000" in box.out
        assert box.status()["web"]["restarts"] == 0
        eventually(lambda: box.status()["web"]["restarts"] == 1)


def test_who_says_that_it_is_not_well_is_restarted_at_once():
    code = 'time.sleep(0.3)\ntell("WATCHDOG=trigger")\nwait()\n'
    keys = {"live": {"watchdog": "600s"}, "restart": {"delay": "10ms"}, "start_seconds": 0}
    with Box(speaker(code, ready=False, **keys)) as box:
        began = time.monotonic()
        eventually(lambda: box.status()["web"]["restarts"] >= 1)
        assert time.monotonic() - began < 300
