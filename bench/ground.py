"""The ground on which everybody runs: one Debian trixie root, with the peers and pyinit's image.

    var/bench/root            Debian trixie by mmdebstrap: Python 3.13 and the peers Debian has
    var/bench/root/opt/peers  the peers from PyPI, for the same Python
    var/bench/root/image-*    what the image holds, assembled by scripts/assemble.py

All run in a chroot in a PID namespace of their own, as PID 1, with the same Python.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
BENCH = REPOSITORY / "var" / "bench"
ROOT = BENCH / "root"
SUITE = "trixie"
MIRROR = os.environ.get("APT_MIRROR", "http://deb.debian.org/debian")
PACKAGES = (
    *("ca-certificates", "python3", "python3-cronsim", "python3-tomli", "tzdata"),  # of the image
    *("python3-defusedxml", "python3-jinja2", "python3-prometheus-client", "python3-starlette"),
    "python3-uvicorn",
    *("catatonit", "dumb-init", "runit", "s6", "tini"),
)
PEERS = ("supervisor==4.3.0", "circus==0.19.0")
IMAGES = {"core": ("--leave-out", "web"), "default": ()}
TOOLS = ("gcc", "mmdebstrap")
ROOT_S, PIP_S, ASSEMBLE_S = 900, 300, 300


class NoGround(Exception):
    """There is nothing to run on here, and why."""


def prepare(source: Path = REPOSITORY) -> None:
    """Make what is missing, pyinit from `source`; raise NoGround if something cannot be made."""
    if os.geteuid() != 0:
        raise NoGround("a root of its own and PID namespaces need root\n    run it as root")
    _have_it_alone()
    _install_tools()
    _make_root()
    _install_peers()
    _compile_tools()
    for name, options in IMAGES.items():
        _assemble(source, name, options)


def _have_it_alone() -> None:
    """Hold the ground until this process ends: two runs at once would measure each other."""
    BENCH.mkdir(parents=True, exist_ok=True)
    fd = os.open(BENCH / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NoGround("another run is under way here\n    wait until it has ended") from None


def image(name: str) -> Path:
    """Return the root of an assembled image."""
    return ROOT / f"image-{name}"


def tool(name: str) -> str:
    """Return the path of a compiled tool, on the host."""
    return str(BENCH / name)


def versions() -> dict[str, str]:
    """Return what is compared, with versions."""
    done = _run(["chroot", str(ROOT), "dpkg-query", "-W", *PACKAGES], 60)
    found = dict(line.split("\t", 1) for line in done.splitlines() if "\t" in line)
    found |= dict(peer.split("==") for peer in PEERS)
    found["python3"] = _run([*_chroot(), "python3", "--version"], 60).split()[-1]
    return found


def _install_tools() -> None:
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        say(f"installing {' '.join(missing)}")
        _run(["apt-get", "update", "-qq"], PIP_S)
        packages = ["debian-archive-keyring", "libc6-dev", *missing]
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], PIP_S)


def _make_root() -> None:
    mark = ROOT / ".ready"
    wanted = " ".join(PACKAGES)
    if mark.exists() and mark.read_text() == wanted:
        return
    say(f"making a Debian {SUITE} root in {ROOT}: a minute or two")
    shutil.rmtree(ROOT, ignore_errors=True)
    BENCH.mkdir(parents=True, exist_ok=True)
    include = "--include=" + ",".join(PACKAGES)
    _run(["mmdebstrap", "--quiet", "--variant=minbase", include, SUITE, str(ROOT), MIRROR], ROOT_S)
    mark.write_text(wanted)


def _install_peers() -> None:
    place = ROOT / "opt" / "peers"
    mark = place / ".ready"
    wanted = " ".join(PEERS)
    if mark.exists() and mark.read_text() == wanted:
        return
    say(f"installing {wanted} for the root's Python")
    shutil.rmtree(place, ignore_errors=True)
    form = "import sys; print('%d.%d' % sys.version_info[:2])"
    version = _run([*_chroot(), "python3", "-c", form], 60).strip()
    platforms = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
    machine = os.uname().machine
    options = [f"--platform={name}_{machine}" for name in platforms] + ["--platform=any"]
    python = [f"--python-version={version}", "--implementation=cp", "--only-binary=:all:"]
    abis = [f"--abi={abi}" for abi in ("cp" + version.replace(".", ""), "abi3", "none")]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(place)]
    _run([*pip, *python, *abis, *options, *PEERS], PIP_S)
    mark.write_text(wanted)


def _compile_tools() -> None:
    for source in sorted((HERE / "native").glob("*.c")):
        command = ["gcc", "-O2", "-Wall", "-static", "-o", tool(source.stem), str(source)]
        _run(command, PIP_S)
    _furnish(ROOT)


def _assemble(origin: Path, name: str, options: tuple[str, ...]) -> None:
    """Assemble an image from a source tree, as the Dockerfile does."""
    source = ROOT / "src"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    for part in ("pyinit", "scripts"):
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(origin / part, source / part, ignore=hidden)
    for part in ("pyproject.toml", "LICENSE"):
        shutil.copy2(origin / part, source / part)
    shutil.rmtree(image(name), ignore_errors=True)
    python = ("python3", "-X", "no_debug_ranges")
    command = ["/src/scripts/assemble.py", *options, f"/image-{name}"]
    _run([*_chroot(), *python, *command], ASSEMBLE_S)
    (BENCH / f"image-{name}.bytes").write_text(str(_tree_bytes(image(name))))
    _furnish(image(name))


def _furnish(root: Path) -> None:
    """Put the probe and the place for results into a root."""
    for name in ("bench", "scratch", "dev", "run", "proc"):
        (root / name).mkdir(exist_ok=True)
    shutil.copy2(tool("probe"), root / "bench" / "probe")


def _tree_bytes(root: Path) -> int:
    """Return what the files of a tree hold, as an image's layer counts it."""
    return sum(path.lstat().st_size for path in root.rglob("*") if not path.is_dir())


def _chroot() -> tuple[str, ...]:
    return ("chroot", str(ROOT))


def _run(command: list[str], timeout_s: float) -> str:
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=timeout_s
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoGround(f"cannot run {command[0]}: {error}") from error
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip()[-2000:]
        raise NoGround(f"{' '.join(command[:4])} ... exited {done.returncode}:\n{reason}")
    return done.stdout


def say(text: str) -> None:
    """Say what is being done, on stderr."""
    sys.stderr.write(f"bench: {text}\n")
