"""Builds the image twice without any cache, and compares the trees of files.

    python tests/docker/image_twice.py [--keep] [TARGET...]     default core debian

Prints a digest of each tree: of the names, kinds, modes, owners, times, links, attributes and
contents of all that is in it; of the target debian without times, since apt gives its files those
of the build.  Ends with 1, and what differs, if two builds are not the same.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tarfile
import time
import uuid
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
TARGETS = ("default", "core", "debian")
MADE_BY_ENGINES = re.compile(
    r"^(\.dockerenv|dev|proc|sys|etc/(hosts|hostname|resolv\.conf|mtab))(/|$)"
)
TOUCHED_BY_ENGINES = "etc"  # the time of the directory, when its hosts and the like are made
TIMELESS = ("debian",)
SHOWN = 20  # of the differences


def docker(*words, **more):
    """Run docker; return what it prints."""
    done = subprocess.run(
        ["docker", *words], capture_output=True, text=True, check=False, cwd=TOP, **more
    )
    if done.returncode:
        raise SystemExit(f"cannot {words[0]}: {done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout.strip()


def build(target, tag):
    """Build a target from nothing but the base image; return how long it took, in seconds."""
    began = time.monotonic()
    docker("build", "--no-cache", "-q", "-t", tag, "--target", target, ".")
    return time.monotonic() - began


def tree(image, *, timed=True):
    """Return {path: all that is known of it} of the files of an image."""
    container = docker("create", image, "/none")
    try:
        with (
            subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export,
            tarfile.open(fileobj=export.stdout, mode="r|") as archive,
        ):
            found = {
                each.name: told(archive, each, timed=timed)
                for each in archive
                if not MADE_BY_ENGINES.match(each.name)
            }
        if export.returncode:
            raise SystemExit(f"cannot export {image}")
    finally:
        docker("rm", "-f", container)
    return found


def told(archive, entry, *, timed):
    """Return what is known of one file."""
    data = archive.extractfile(entry).read() if entry.isfile() else b""
    attributes = sorted((k, v) for k, v in entry.pax_headers.items() if "xattr" in k)
    return (
        entry.type.decode(),
        oct(entry.mode),
        entry.uid,
        entry.gid,
        int(entry.mtime) if timed and entry.name != TOUCHED_BY_ENGINES else 0,
        entry.linkname,
        attributes,
        hashlib.sha256(data).hexdigest(),
    )


def digest(found):
    """Return the digest of a tree."""
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()


def compare(target, *, keep=False):
    """Build a target twice; return what differs, a line for each file."""
    tags = [f"pyinit-twice:{target}-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    trees = []
    try:
        for tag in tags:
            took_s = build(target, tag)
            trees.append(tree(tag, timed=target not in TIMELESS))
            files = len(trees[-1])
            print(
                f"{target}: {digest(trees[-1])}, {files} files, built in {took_s:.0f} s", flush=True
            )
    finally:
        if not keep:
            subprocess.run(["docker", "rmi", "-f", *tags], capture_output=True, check=False)
    one, other = trees
    names = sorted(each for each in one.keys() | other.keys() if one.get(each) != other.get(each))
    return [f"{target}: {each}: {one.get(each)} {other.get(each)}" for each in names]


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", default=list(TARGETS))
    parser.add_argument("--keep", action="store_true", help="the images that were built")
    args = parser.parse_args(words)
    differing = []
    for target in args.targets:
        differing += compare(target, keep=args.keep)
    print("\n".join(differing[:SHOWN]))
    print(f"{len(differing)} differences between two builds of {', '.join(args.targets)}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
