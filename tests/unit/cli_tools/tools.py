"""Calls pyinitctl and pyinit in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
WITHIN_S = 30


def call(module, *words, env=None, cwd=None):
    """Run a command of pyinit.cli; return (exit status, stdout, stderr)."""
    found = subprocess.run(
        [sys.executable, "-m", f"pyinit.cli.{module}", *words],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=WITHIN_S,
        check=False,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(TOP), **(env or {})},
    )
    return found.returncode, found.stdout, found.stderr


def ctl(*words, **more):
    """Run pyinitctl."""
    return call("ctl", *words, **more)


def command_in(directory):
    """Put a command called pyinitctl into a directory; return the PATH that finds it."""
    path = directory / "bin" / "pyinitctl"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nPYTHONPATH={TOP} exec {sys.executable} -m pyinit.cli.ctl "$@"\n')
    path.chmod(0o755)
    return f"{path.parent}:{os.environ['PATH']}"
