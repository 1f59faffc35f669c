"""supervisord's states, and what may be done in them."""

from __future__ import annotations

NUMBERS = {
    "STOPPED": 0,
    "STARTING": 10,
    "RUNNING": 20,
    "BACKOFF": 30,
    "STOPPING": 40,
    "EXITED": 100,
    "FATAL": 200,
    "UNKNOWN": 1000,
}
SUPERVISOR = {"RUNNING": 1, "RESTARTING": 0, "SHUTDOWN": -1}

RUNNING_STATES = frozenset(("RUNNING", "BACKOFF", "STARTING"))  # it is no use to start these
STOPPED_STATES = frozenset(("STOPPED", "EXITED", "FATAL", "UNKNOWN"))
SIGNALLABLE = frozenset(("RUNNING", "STARTING", "STOPPING"))
