"""How a pyinitctl is told that it is run in a container for another one outside.

There is no terminal between the two, so that stdout and stderr stay apart; the inner one has an
open, silent stdin that ends when the outer one does, and it ends with it: engines leave what they
run for others running.
"""

from __future__ import annotations

FAR_END = "PYINITCTL_FAR_END"
"""The environment variable: what stdout of the outer one is."""
TERMINAL, PIPE = "terminal", "pipe"
