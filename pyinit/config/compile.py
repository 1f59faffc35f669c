"""What the forked child of PID 1 does: files in, a plan or its faults out, as plain bytes.

PID 1 gets them by a pipe and needs neither the parser nor its memory, and a bug in here is the
child's, not PID 1's.
"""

from __future__ import annotations

import marshal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


FRAMES = 1000  # PID 1 has more; but a parser that goes so deep runs out of the C stack


def compile_plain(
    files: Sequence[str],
    environ: Mapping[str, str],
    overrides: Sequence[tuple[str, str]] = (),
    name: str = "pyinit",
) -> bytes:
    """Return a marshalled pair.  `overrides` and `name` are those of `load`.

    ("plan", plain plan) or ("errors", [[file, line, message, fix], ...]).  Whatever it raises is no
    fault of the configuration, but of pyinit or of the machine.
    """
    sys.setrecursionlimit(FRAMES)
    from pyinit.config.load import load
    from pyinit.config.problems import ConfigErrors
    from pyinit.core.record import to_plain

    try:
        plan = load(files, environ, overrides=overrides, name=name)
    except ConfigErrors as error:
        rows = [[each.file, each.line, each.message, each.fix] for each in error.errors]
        return marshal.dumps(("errors", rows))
    return marshal.dumps(("plan", to_plain(plan)))
