#!/bin/sh
# Every check and every test, on the real kernel and a real Docker engine.
#
#   scripts/test.sh [ARG...]     arguments go to pytest
#
# An engine is started when none answers, and ended afterwards if it was started here.  The checks
# come first, but their faults do not keep the tests from running: both decide the exit status.
set -eu

cd "$(dirname "$0")/.."
engine=scripts/engine.sh
started=""
trap '[ -z "$started" ] || "$engine" stop' EXIT
trap 'exit 130' INT TERM
if ! "$engine" status 2>/dev/null; then
    # Without one the Docker tests are skipped, loudly; with CI set they fail.
    if "$engine" start; then started=yes; fi
fi

failed=0
make --no-print-directory -k static || failed=1
[ "$failed" = 0 ] || echo "test: the checks above FAILED; the tests follow" >&2
# Two processes; what must not be there twice (a swarm, a podman) waits for the other one.
# They are the kernel's and the engine's tests, on machines that others use too: what fails is run
# once more, and is told of as rerun.
.venv/bin/python -m pytest -n 2 --dist loadgroup --reruns 1 --durations=15 "$@" || failed=1
exit "$failed"
