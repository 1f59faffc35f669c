"""How much is tried where anything may come: `make soak` has PYINIT_FUZZ_TIMES set, for more."""

import os

TIMES = int(os.environ.get("PYINIT_FUZZ_TIMES", "1"))
SEED = int(os.environ.get("PYINIT_FUZZ_SEED", "5"))
