"""supervisor's own end-to-end tests, unmodified, with pyinit where they start `supervisord`.

They spawn `python -m supervisor.supervisord` and `-m supervisor.supervisorctl` on terminals.  Here
the package `supervisor` is one whose daemon, tools and, the second time, supervisorctl are pyinit's
and whose other modules are the genuine ones.  Every test has a /tmp of its own, for the sockets and
logs that its .conf has there.
"""

import ast
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from boxed import IS_ROOT, ROOT, WITHIN_S, code_places, namespace_words
from supervised import GENUINE_PLACES, START

SUITE = "test_end_to_end.py"
TMP = Path("/tmp")

# Test: why it does not hold under pyinit.  It must fail then, else the row is out of date.
DIFFERENT = {
    "test_issue_638": "without childlogdir, bytes that are no text are on pyinit's stdout, too",
    "test_issue_1251": "the help has words of its own",
    "test_pull_request_1578_echo_supervisord_conf": "the sample has words of its own",
}

# What the package of some versions lacks: a fixture of issue-565.conf.
HELLO = """\
n=0
while [ "$n" -lt 10 ]; do
    n=$((n + 1))
    echo "The \N{LATIN CAPITAL LETTER O WITH STROKE}resund bridge ends in\
 Malm\N{LATIN SMALL LETTER O WITH DIAERESIS} - $n"
    sleep 1
done
"""
INIT = """\
import os
__path__ = [os.path.dirname(__file__), {genuine!r}]
"""
STANDS_IN = """\
import os, sys
def main():
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", {start!r}, *sys.argv[1:]])
if __name__ == "__main__":
    main()
"""
# What lies under /tmp itself is bound into the new one first: {kept} are such paths.
OWN_TMP = """\
for kept in {kept}; do
    mkdir -p "$0/${{kept#/tmp/}}" && mount --rbind "$kept" "$0/${{kept#/tmp/}}" || exit 99
done
mount --rbind "$0" /tmp && cd /tmp && exec "$@"
"""
TOOLS = {"supervisord": "supervisord", "pidproxy": "pidproxy", "confecho": "echo_supervisord_conf"}


def package():
    """Return the directory of the genuine package, None where it or its tests are missing."""
    for place in GENUINE_PLACES:
        for found in place.parent.glob(f"lib/python3*/site-packages/supervisor/tests/{SUITE}"):
            return found.parents[1]
    return None


def cases():
    """Yield (test, supervisorctl): the tests that use one are there for each of the two."""
    if (place := package()) is None:
        return
    text = (place / "tests" / SUITE).read_text()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name, "pyinit"
            if "supervisor.supervisorctl" in (ast.get_source_segment(text, node) or ""):
                yield node.name, "genuine"


def stand_in(place, genuine, client):
    """Make the package `supervisor` under `place`."""
    made = place / "supervisor"
    shutil.copytree(genuine / "tests", made / "tests")
    hello = made / "tests" / "fixtures" / "hello.sh"
    if not hello.exists():
        hello.write_text(HELLO)
    (made / "__init__.py").write_text(INIT.format(genuine=str(genuine)))
    tools = {**TOOLS, "supervisorctl": "supervisorctl"} if client == "pyinit" else TOOLS
    for module, name in tools.items():
        start = START.format(places=code_places(public=False), name=name)
        (made / f"{module}.py").write_text(STANDS_IN.format(start=start))


def run(place, test):
    """Run one test in a /tmp that is `place`; CompletedProcess."""
    needed = {ROOT, Path(sys.prefix), Path(sys.base_prefix), *GENUINE_PLACES}
    kept = [str(path) for path in sorted(needed) if path.is_relative_to(TMP)]
    script = OWN_TMP.format(kept=" ".join(map(shlex.quote, kept)))
    words = [*namespace_words(IS_ROOT), "sh", "-c", script, str(place), sys.executable]
    name = f"supervisor.tests.test_end_to_end.EndToEndTests.{test}"
    env = {
        "END_TO_END": "1",
        "HOME": str(TMP),
        "LANG": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(TMP),
        "PYINIT_SOCKET": f"{TMP}/control.sock",
        "TERM": "dumb",
    }
    return subprocess.run(
        [*words, "-m", "unittest", "-v", name],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=2 * WITHIN_S,
        check=False,
    )


def test_the_suite_is_there():
    if package() is None:
        pytest.skip(f"no supervisor/tests/{SUITE} here: scripts/setup.sh genuine installs it")
    assert len({test for test, _ in cases()}) >= 27


@pytest.mark.parametrize(("test", "client"), list(cases()))
def test_it_holds_under_pyinit(test, client, tmp_path):
    stand_in(tmp_path, package(), client)
    done = run(tmp_path, test)
    said = done.stdout + done.stderr
    if test in DIFFERENT:
        assert done.returncode == 1, f"holds by now, though {DIFFERENT[test]}"
        return
    assert done.returncode == 0, said
    assert "\nOK\n" in said, said


def test_every_difference_names_a_test():
    assert set(DIFFERENT) <= {test for test, _ in cases()}
