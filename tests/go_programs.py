"""The Go programs of tests/programs/go, built once: static, so that they run in any container."""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent / "programs" / "go"


@functools.cache
def built():
    """Return the directory with the programs; every user may execute them."""
    place = Path(tempfile.mkdtemp(prefix="pyinit-go-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    words = ["go", "build", "-trimpath", "-o", f"{place}/", "./..."]
    env = {**os.environ, "CGO_ENABLED": "0"}
    subprocess.run(words, cwd=HERE, env=env, check=True)
    place.chmod(0o755)
    return place
