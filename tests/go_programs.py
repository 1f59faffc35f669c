"""Go programs of tests/programs/go or an example, built once: static, to run in any container."""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent / "programs" / "go"


@functools.cache
def built(source=HERE):
    """Return a directory with the programs of `source`; every user may execute them."""
    place = Path(tempfile.mkdtemp(prefix="pyinit-go-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    words = ["go", "build", "-trimpath", "-o", f"{place}/", "./..."]
    env = {**os.environ, "CGO_ENABLED": "0"}
    subprocess.run(words, cwd=source, env=env, check=True)
    place.chmod(0o755)
    return place
