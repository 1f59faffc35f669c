"""What the image holds, unpacked."""

from __future__ import annotations

import json
import shutil
import subprocess

from bench import ground
from bench.judge import Result
from bench.rounds import Plan

BOUNDS = {"default": 28.0, "core": 18.0}
TAGS = {"default": "pyinit:latest", "core": "pyinit:core"}


def size(_plan: Plan) -> Result:
    """The image's size by the engine, and by the tree that the Dockerfile's script assembles."""
    row = Result("image", "image unpacked", "MB")
    for name, bound in BOUNDS.items():
        tree = f"{name}, as assembled here"
        row.of(tree).values.append(int((ground.BENCH / f"image-{name}.bytes").read_text()) / 1e6)
        row.bound(f"{tree}, in MB", tree, bound)
        built = f"{name}, as {TAGS[name]}"
        found = _engine_bytes(TAGS[name])
        if isinstance(found, str):
            row.of(built).why_not = found
        else:
            row.of(built).values.append(found / 1e6)
            row.bound(f"{built}, in MB", built, bound)
    return row


def _engine_bytes(tag: str) -> int | str:
    """Return the size the engine tells, or why it does not."""
    if shutil.which("docker") is None:
        return "there is no docker here"
    command = ["docker", "image", "inspect", tag]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        return "the engine does not answer"
    if done.returncode != 0:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no such image"
    return int(json.loads(done.stdout)[0]["Size"])
