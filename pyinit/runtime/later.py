"""Modules that no start needs, imported together when the programs are up.

Not as late as when they are needed: after an upgrade of the files they would be those of another
version, and there might be no descriptor or no memory left to read them with.
"""

from __future__ import annotations

from pyinit.core import roll, trial
from pyinit.runtime import control, matching, reexec, revision, verdict

MODULES = (roll, trial, control, matching, reexec, revision, verdict)
