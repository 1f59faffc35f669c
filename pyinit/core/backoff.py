"""How soon a failed run is followed by another, and when to give up.

After n failed runs in a row the next one waits `delay * factor ** (n - 1)` seconds, at most
`max_delay`, spread by `jitter`.  A run that lasts longer than `window`, or was up and ends well,
begins the row anew; one that flaps just above `start_seconds` does not.  Apart from that, a failed
run counts for `window` seconds, and more than `max` of them at once give up.  A run that ends well
before it was up stands in the row, but is never a reason to give up.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan import Restart

NO_CHILD_DELAY_S = 0.5  # where fork itself fails, trying again at once would only spin
QUICK_DELAY_S = 0.1  # after one that did well at once: never given up, with no delay it would spin
MAX_KEPT = 64  # failed runs remembered when `max` is 0
MAX_STEPS = 64  # of the delay's growth; it has long saturated


def count(failures: tuple[float, ...], restart: Restart, now: float) -> tuple[float, ...]:
    """Return the times of the failed runs in the window, the one at `now` included."""
    recent = tuple([at for at in failures if at > now - restart.window])
    kept = max(MAX_KEPT, restart.max)
    return (*recent, now)[-(kept + 1) :]


def gives_up(failures: tuple[float, ...], restart: Restart) -> bool:
    """Say whether `failures` are more than the policy allows."""
    return 0 < restart.max < len(failures)


def delay_s(attempt: int, restart: Restart, draw: float) -> float:
    """Return the seconds before the run after `attempt` (>= 1) failed ones; `draw` is in [0, 1)."""
    delay, most = restart.delay, restart.max_delay
    for _ in range(min(attempt, MAX_STEPS) - 1):
        if delay >= most or restart.factor <= 1:
            break
        delay *= restart.factor
    delay = min(delay, most)
    return delay * (1 + restart.jitter * (2 * draw - 1))


def draw(seed: int, key: str, run_id: int) -> float:
    """Return a number in [0, 1) that depends on nothing but the arguments.

    Not `hash(key)`, which differs from one Python to the next.  Two processes must not draw
    the same: what fell together would come up together for ever.
    """
    mixed = (seed * 0x9E3779B97F4A7C15 + run_id * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    for byte in key.encode("utf-8", "surrogateescape"):
        mixed = ((mixed ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    mixed ^= mixed >> 31
    mixed = (mixed * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (mixed >> 11) / (1 << 53)
