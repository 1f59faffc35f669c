"""The core under test as one object, so that a copy with a planted bug can take its place."""

import importlib
from types import SimpleNamespace

MODULES = (
    *(
        "backoff",
        "beside",
        "change",
        "draft",
        "effects",
        "escalation",
        "events",
        "falling",
        "graph",
    ),
    *("inputs", "levels", "phases", "plan", "plan_listen", "policy", "process", "record"),
    *("reload", "roll", "shutdown", "signals", "slot", "states", "status", "supervisor"),
    *("table", "telling", "trace", "trial", "trials"),
)
KEPT = (
    "draft",
    "graph",
    "phases",
    "plan",
    "plan_listen",
    "beside",
    "slot",
    "states",
    "status",
    "table",
    "trials",
)


def load(package="pyinit.core"):
    """Return the modules of `package` by name, and `kinds` of what a state is made of."""
    core = SimpleNamespace(
        **{name: importlib.import_module(f"{package}.{name}") for name in MODULES}
    )
    core.kinds = core.record.kinds_of(*[getattr(core, name) for name in KEPT])
    return core


GENUINE = load()
