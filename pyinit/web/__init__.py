"""The gateway: everything that speaks HTTP, as an ordinary program beside PID 1."""

import sys

_LIBRARIES = f"{__path__[0]}/libraries.zip"
"""Where the image has what only the gateway imports (scripts/assemble.py); else it is no file."""

if _LIBRARIES not in sys.path:
    sys.path.append(_LIBRARIES)
