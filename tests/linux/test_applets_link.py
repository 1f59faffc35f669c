"""The executable `pyinit` under another name: a link called tini or dumb-init is that program."""

import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from importlib import import_module

import pytest
from genuine import (
    RECORDER,
    ROOT,
    Bare,
    Running,
    environment,
    genuine,
    new_pid_namespace,
    plain,
    python,
)

from pyinit import applets

NAMES = ["tini", "tini-static", "dumb-init"]
SUPERVISORS = ["supervisord", "supervisorctl", "pidproxy", "echo_supervisord_conf"]
PYINITS = ["mytini", "x-dumb-init", "mysupervisord", "x-pidproxy"]
SAYS = {"supervisord": ["-v"], "supervisorctl": ["help", "tini"]}
PLAIN = f"{sys.executable} -IS"
HELD = f"/usr/bin/env -S --block-signal {sys.executable} -X held -IS"  # as in the image
SCRIPT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pyinit.cli.init import main
main()
"""


@pytest.fixture(params=[PLAIN, HELD], ids=["plain", "held"])
def links(tmp_path, request):
    """A directory with pyinit and links to it."""
    entry = tmp_path / "pyinit"
    entry.write_text(f"#!{request.param}{SCRIPT}")
    entry.chmod(0o755)
    for name in [*NAMES, *SUPERVISORS, *PYINITS]:
        (tmp_path / name).symlink_to("pyinit")
    return tmp_path


def run(*words, env=None, **options):
    done = subprocess.run(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
        env=env or environment(),
        **options,
    )
    return done.returncode, plain(done.stdout), plain(done.stderr)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("args", [["-h"], ["-x"], ["--nonesuch"], ["true"], ["sh", "-c", "exit 4"]])
def test_a_link_says_and_returns_what_the_genuine_program_does(name, args, links):
    """As a script it does not know by which path it was called, so both are called by the same."""
    program = "dumb-init" if name == "dumb-init" else "tini"
    path = genuine(program)
    ours = run(links / name, *args)
    theirs = run(links / name, *args, executable=path)
    assert ours == theirs


@pytest.mark.parametrize("name", NAMES)
def test_a_link_is_found_in_the_path_and_runs_as_pid_1(name, links):
    env = ["env", f"PATH={links}:{os.environ['PATH']}"]
    code, out, _ = run(*new_pid_namespace(), *env, name, "--", "sh", "-c", "echo $PPID; exit 9")
    assert (code, out) == (9, b"1\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_link_gives_its_child_the_signals_as_they_were(name, links):
    """pyinit itself would catch them all on its first line.

    The image's entry blocks them all before Python starts: what was blocked before is forgotten.
    """
    held = "held" in (links / "pyinit").read_text().partition("\n")[0]

    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, set() if held else {signal.SIGUSR1})

    command = ["cat", "/proc/self/status"]
    found = []
    for executable in (None, genuine("dumb-init" if name == "dumb-init" else "tini")):
        code, out, _ = run(links / name, *command, executable=executable, preexec_fn=ignore)
        found.append((code, re.findall(rb"Sig(?:Blk|Ign|Cgt):\s*(\w+)", out)))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_link_passes_signals_on(name, links):
    with Running(Bare(), str(links / name), "--", *python(RECORDER)) as running:
        running.out.until(b"ready")
        for number in (1, 2, 10, 15, 18, 28, 40):
            running.send(number)
            running.out.until(b"got %d\n" % number)
        os.kill(running.child, signal.SIGKILL)
        assert running.wait() == 137


def test_a_link_is_supervisords_programs_too(links):
    said = {name: run(links / name, *SAYS.get(name, [])) for name in SUPERVISORS}
    assert said["supervisord"] == (0, b"4.3.0\n", b"")
    assert said["supervisorctl"] == (0, b"*** No help on tini\n", b"")
    assert said["pidproxy"][0] == 1
    assert b"\n[supervisord]\n" in said["echo_supervisord_conf"][1]


def test_a_link_called_supervisorctl_can_be_interrupted(links):
    """The image's entry blocks every signal, for pyinit; it must not stay so."""
    words = [str(links / "supervisorctl"), "-s", f"unix://{links}/deaf", "status"]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(links / "deaf"))
        listener.listen()
        listener.settimeout(30)
        process = subprocess.Popen(words, env={**environment(), "PYINIT_SOCKET": "/dev/null/x"})
        try:
            connection, _ = listener.accept()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == -signal.SIGTERM
            connection.close()
        finally:
            process.kill()
            process.wait(30)


@pytest.mark.parametrize("name", ["tini", "tini-static"])
def test_a_fault_sent_to_a_link_is_its_end(name, links):
    """Nobody waits for a fault, so it must not stay blocked."""
    with Running(Bare(), str(links / name), "-s", "--", *python(RECORDER)) as running:
        running.out.until(b"ready")
        running.send(signal.SIGSEGV)
        assert running.wait() == -signal.SIGSEGV


@pytest.mark.parametrize("name", PYINITS)
def test_a_name_that_only_ends_like_one_is_pyinit(name, links):
    code, out, err = run(links / name, "--version")
    assert (code, err) == (0, b"")
    assert out.startswith(b"pyinit ")


@pytest.mark.parametrize("name", sorted(set(applets.NAMES.values())))
def test_the_package_installs_a_command_of_that_name(name):
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts[name].partition(":")
    assert callable(getattr(import_module(module), function))


CHILD = """\
[supervisord]
logfile=/dev/null
pidfile=%(here)s/supervisord.pid
logfile_maxbytes=0
[program:parent]
command=sh -c 'cat /proc/$PPID/cmdline | tr "\\\\0" " "; kill -TERM $PPID; exec sleep 60'
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
"""


@pytest.mark.parametrize(
    "line",
    [
        "supervisord -n -c FILE",
        "PLACE/supervisord -n -c FILE",
        "/bin/sh -c 'supervisord -n -c FILE'",
        "/bin/bash -c 'exec PLACE/supervisord  -c FILE'",
    ],
)
def test_a_supervisord_that_is_ours_is_not_run_below_pyinit_but_in_its_place(links, line):
    """CMD of an image below the ENTRYPOINT pyinit, in each of its forms."""
    conf = links / "supervisord.conf"
    conf.write_text(CHILD)
    words = f"{links}/pyinit {line}".replace("FILE", str(conf)).replace("PLACE", str(links))
    code, out, error = run("sh", "-c", f"PATH={links}:$PATH exec {words}")
    assert code == 0, error
    assert words.replace("'", "").encode() in out, (out, error)


@pytest.mark.parametrize("line", ["cd / && {} -v", "{} -v; echo more", "echo {}", "A=1 {} -v"])
def test_a_line_that_needs_a_shell_has_one(links, line):
    line = line.format(links / "supervisord")
    code, out, _ = run(links / "pyinit", "/bin/sh", "-c", line)
    assert (code, out) == run("/bin/sh", "-c", line)[:2]


def test_a_supervisord_that_pip_made_is_ours_and_another_is_a_command(links):
    entry, other = links / "entry" / "supervisord", links / "other" / "supervisord"
    imports = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
    main = "from pyinit.applets.supervisord import main\nmain()\n"
    for script, text in (
        (entry, f"#!{PLAIN}\n{imports}{main}"),
        (other, "#!/bin/sh\necho genuine $#; exit 5\n"),
    ):
        script.parent.mkdir()
        script.write_text(text)
        script.chmod(0o755)
    assert run(links / "pyinit", entry, "-v") == (0, b"4.3.0\n", b"")
    env = {**environment(), "PYINIT_SOCKET": str(links / "control.sock")}
    assert run(links / "pyinit", other, "-v", env=env) == (5, b"genuine 1\n", b"")
