#!/bin/sh
# Make a fresh Debian-like machine ready for work on pyinit.
#
#   scripts/setup.sh venv    .venv with pyinit and the tools of its `dev` and `web` extras
#   scripts/setup.sh demo    .venv with pyinit alone, and what the demo without Docker needs
#   scripts/setup.sh test    venv, and the programs that the tests run
#   scripts/setup.sh fuzz    venv, and what lets coverage guide the fuzzing, if this Python has it
#   scripts/setup.sh genuine var/genuine with the supervisord that pyinit is compared with
#
# Only what is missing is installed, and packages only by root; PYTHON names the interpreter
# (3.11 or later, default python3).  What needs a Docker engine calls scripts/engine.sh.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
venv="$here/.venv"
python=${PYTHON-python3}

say() { echo "setup: $*" >&2; }

# Run a command that needs the network; mirrors and proxies fail now and then.
again() {
    for pause in 2 10 0; do
        "$@" && return 0
        [ "$pause" = 0 ] || { say "once more in $pause s: $*"; sleep "$pause"; }
    done
    return 1
}

# Install Debian packages.
install() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        say "cannot install packages without root and apt-get"
        echo "    apt-get install $*" >&2
        return 1
    fi
    say "installing $*"
    export DEBIAN_FRONTEND=noninteractive
    set -- apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
    "$@" >/dev/null 2>&1 || { again apt-get update -qq -o DPkg::Lock::Timeout=300 && again "$@" >/dev/null; }
}

# Install the packages of commands that are missing, each given as command:package.
need() {
    missing=""
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
    done
    # shellcheck disable=SC2086
    [ -z "$missing" ] || install $missing
}

# Make .venv with pyinit and an extra; once it is there for this pyproject.toml, do nothing.
make_venv() {
    extra=$1
    stamp="$venv/.made-for$extra"
    now=$(sha256sum <"$here/pyproject.toml")
    # Without an extra, one that was made with it serves too.
    ! grep -qsxF "$now" "$stamp"* || return 0
    need "$python:python3"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        { say "$python is older than 3.11"; echo "    name another: make PYTHON=python3.13" >&2; exit 1; }
    if [ ! -x "$venv/bin/python" ]; then
        "$python" -c 'import ensurepip' 2>/dev/null || install python3-venv
        say "making $venv"
        "$python" -m venv "$venv"
    fi
    say "installing pyinit$extra and what it needs into $venv"
    again "$venv/bin/pip" install -q --disable-pip-version-check -e "$here$extra"
    echo "$now" >"$stamp"
}

# Make var/genuine: in .venv its supervisord and supervisorctl would take the place of pyinit's.
make_genuine() {
    place="$here/var/genuine"
    packages="supervisor==4.3.0 superlance==2.0.0"
    ! grep -qsxF "$packages" "$place/.made-for" || return 0
    [ -x "$place/bin/python" ] || "$venv/bin/python" -m venv "$place" || return 1
    say "installing $packages into $place"
    # Python from 3.12 on has no pkg_resources of its own, which they import.
    # shellcheck disable=SC2086
    again "$place/bin/pip" install -q --disable-pip-version-check \
        'setuptools<81' $packages || return 1
    echo "$packages" >"$place/.made-for"
}

case "${1-}" in
venv) make_venv '[dev,web]' ;;
demo)
    need unshare:util-linux go:golang-go
    make_venv ''
    ;;
test)
    # Packages first: with them comes what a fresh machine lacks for the rest.
    need tini:tini dumb-init:dumb-init unshare:util-linux setpriv:util-linux curl:curl go:golang-go \
        mmdebstrap:mmdebstrap docker-compose:docker-compose shellcheck:shellcheck \
        git:git chromium:chromium strace:strace man:man-db mandoc:mandoc || say "going on without: the tests that need them say so"
    make_venv '[dev,web]'
    make_genuine || say "going on without: the tests that need the genuine supervisord say so"
    ;;
fuzz)
    make_venv '[dev,web]'
    # No part of `dev`: there are wheels for some Pythons and machines only, and it is not needed.
    "$venv/bin/python" -c 'import atheris' 2>/dev/null ||
        "$venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: 'atheris>=2.3,<4' ||
        say "going on without atheris: the fuzzing is not guided by coverage, and says so"
    ;;
genuine)
    make_venv '[dev,web]'
    make_genuine
    ;;
*) echo "usage: scripts/setup.sh venv|demo|test|fuzz|genuine" >&2; exit 2 ;;
esac
