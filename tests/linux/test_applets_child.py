"""What a wrapped command is born with, and what the wrapper holds beside it: as the genuine ones.

The command is a program that only reads /proc, so that nothing of its own hides a difference.
"""

import os
import re
import resource
import signal
import subprocess
from pathlib import Path

import pytest
from genuine import Running, both, eventually, new_pid_namespace, python, same, stat, state

PROGRAMS = ["tini", "dumb-init"]
FLAGS = {"tini": [["-s"], ["-sg"]], "dumb-init": [[], ["-c"]]}
BOTH = [(program, flags) for program, choices in FLAGS.items() for flags in choices]
alike = pytest.mark.parametrize(("program", "flags"), BOTH)
SLEEP = ["sleep", "600"]


def start(side, flags, command, **options):
    return Running(side, *flags, "--", *command, **options)


def output(side, flags, command, **options):
    with start(side, flags, command, **options) as running:
        assert running.wait() == 0
        return running.out.rest()


def signals_of(text):
    return re.findall(rb"^(Sig(?:Blk|Ign|Cgt)):\s*(\w+)", text, re.MULTILINE)


def is_sleeping(pid):
    return Path(f"/proc/{pid}/comm").read_text() == "sleep\n" and state(pid) == "S"


def default(*numbers):
    return lambda: [signal.signal(n, signal.SIG_DFL) for n in numbers]


def ignore(*numbers):
    return lambda: [signal.signal(n, signal.SIG_IGN) for n in numbers]


def block(*numbers):
    return lambda: signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


STARTS = {
    "default": lambda: None,
    "nohup": ignore(signal.SIGHUP),
    "interrupts ignored": ignore(signal.SIGINT, signal.SIGQUIT),
    "terminal stops ignored": ignore(signal.SIGTTIN, signal.SIGTTOU, signal.SIGTSTP),
    "many ignored": ignore(1, 2, 3, 10, 12, 14, 15, 18, 23, 28),
    "some blocked": block(signal.SIGUSR1, signal.SIGTERM, signal.SIGTTOU),
    "real-time blocked": block(34, 40, 64),
    "real-time ignored": ignore(35, 50),
    "faults blocked": block(signal.SIGSEGV, signal.SIGABRT),
    "faults ignored": ignore(signal.SIGABRT, signal.SIGSYS),
    "all blocked": block(*signal.valid_signals()),
}


@alike
@pytest.mark.parametrize("before", STARTS)
def test_the_child_gets_the_signals_as_they_were(program, flags, before):
    def scenario(side):
        command = ["cat", "/proc/self/status"]
        return signals_of(output(side, flags, command, preexec_fn=STARTS[before]))

    assert len(same(program, scenario)) == 3


@alike
def test_an_ignored_child_signal_does_not_hide_the_exit_status(program, flags):
    """The genuine tini waits for ever for a child that the kernel has thrown away."""
    code = "print(*[line for line in open('/proc/self/status') if 'SigIgn' in line]);raise SystemExit(7)"
    ours = both(program)[1]
    with start(ours, flags, python(code), preexec_fn=ignore(signal.SIGCHLD)) as running:
        assert running.wait() == 7
        inherited = int(running.out.rest().split()[1], 16) & 1 << signal.SIGCHLD - 1
        assert bool(inherited) == (program == "tini")


@alike
def test_the_child_gets_the_environment_as_it_was(program, flags):
    odd = [
        {},
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "LC_CTYPE": "C.UTF-8"},
        {"LANG": "C", "LC_CTYPE": ""},
        {"LC_CTYPE": "C.UTF-8"},
        {"LANG": "", "LC_ALL": ""},
        {"LANG": "en_US.ISO-8859-1", "EMPTY": "", "SPACE D": " x ", "PYTHONPATH": "/x"},
        {"PYTHONHOME": "/nowhere", "PYTHONMALLOC": "debug", "PYTHONUTF8": "0"},
        {"BYTES": os.fsdecode(b"\xff\xfe=\x01"), "NEW": "a\nb"},
    ]
    for env in odd:

        def scenario(side, env=env):
            with_env = ["env", "-i", f"PATH={os.environ['PATH']}"]
            with_env += [f"{name}={value}" for name, value in env.items()]
            words = side.words(*flags, "--", "cat", "/proc/self/environ")
            done = subprocess.run([*with_env, *words], capture_output=True, check=False, timeout=30)
            assert done.returncode == 0
            return sorted(done.stdout.split(b"\0"))

        assert len(same(program, scenario)) == len(env) + 2, env


@alike
def test_the_child_gets_the_limits_the_mask_and_the_place(program, flags, tmp_path):
    def restrict():
        os.umask(0o137)
        os.nice(3)
        resource.setrlimit(resource.RLIMIT_NOFILE, (123, 456))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, 8 << 20))
        Path("/proc/self/oom_score_adj").write_text("321")

    code = (
        "cat /proc/self/limits; umask; nice; pwd; cat /proc/self/oom_score_adj; "
        "grep -E '^(Umask|Groups|[UG]id|Cap|NoNew|Cpus_allowed_list)' /proc/self/status"
    )

    def scenario(side):
        return output(side, flags, ["sh", "-c", code], preexec_fn=restrict, cwd=tmp_path)

    text = same(program, scenario)
    assert b"321" in text
    assert os.fsencode(tmp_path) in text


@alike
def test_the_child_gets_the_descriptors_and_no_others(program, flags):
    code = 'import os\nfor n in sorted(map(int, os.listdir("/proc/self/fd"))):\n'
    code += ' path = f"/proc/self/fd/{n}"\n'
    code += ' if os.path.lexists(path): print(n, os.readlink(path).partition(":")[0])'
    reader, writer = os.pipe()
    try:

        def scenario(side):
            return output(side, flags, python(code), pass_fds=(reader, writer))

        lines = same(program, scenario).split(b"\n")
    finally:
        os.close(reader)
        os.close(writer)
    assert [int(line.split()[0]) for line in lines if line] == sorted([0, 1, 2, reader, writer])


@alike
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_descriptors_stay_closed(program, flags, closed, tmp_path):
    """Tini cannot take the foreground of nothing, and says so."""
    report = tmp_path / "report"
    command = ["sh", "-c", f"for n in 0 1 2; do test -e /proc/$$/fd/$n && echo $n; done >{report}"]

    def close():
        for fd in closed:
            os.close(fd)

    def scenario(side):
        report.unlink(missing_ok=True)
        with start(side, flags, command, preexec_fn=close) as running:
            code = running.wait()
            said = re.sub(rb"\(\d+\)", b"(PID)", running.err.rest())
            return code, said, report.exists() and report.read_text()

    same(program, scenario)


def family(running):
    """Return the relations of the child's group, session and terminal to the wrapper."""
    ours, child = stat(running.wrapper), stat(running.child)
    pid = str(running.child)
    places = {str(running.wrapper): "wrapper", pid: "child", str(os.getpid()): "tests"}

    def place(number):
        return places.get(number, "0" if number in ("0", "-1") else "outside")

    return [
        *(place(child[2]), place(child[3]), place(child[4])),
        *(place(ours[2]), place(ours[3]), place(ours[4])),
    ]


@alike
@pytest.mark.parametrize("session", [False, True])
@pytest.mark.parametrize("way", ["plain", "pid 1"])
def test_groups_and_sessions_are_the_same(program, flags, session, way):
    def scenario(side):
        under = new_pid_namespace() if way == "pid 1" else ()
        with start(side, flags, SLEEP, start_new_session=session, under=under) as running:
            eventually(lambda: is_sleeping(running.child))
            return family(running)

    group, its_session, *_ = same(program, scenario)
    assert group == ("wrapper" if flags == ["-c"] and session and way == "plain" else group)
    assert (its_session == "child") == (program == "dumb-init" and flags == [])


@alike
def test_only_dumb_init_leaves_its_directory(program, flags, tmp_path):
    def scenario(side):
        with start(side, flags, SLEEP, cwd=tmp_path) as running:
            eventually(lambda: is_sleeping(running.child))
            own = os.readlink(f"/proc/{running.wrapper}/cwd")
            return own, os.readlink(f"/proc/{running.child}/cwd")

    assert same(program, scenario) == (
        "/" if program == "dumb-init" else str(tmp_path),
        str(tmp_path),
    )


@alike
def test_stdin_is_the_childs(program, flags):
    def scenario(side):
        with start(side, flags, ["wc", "-c"], stdin=subprocess.PIPE) as running:
            running.process.stdin.write(b"x" * 100_000)
            running.process.stdin.close()
            return running.wait(), running.out.rest()

    assert same(program, scenario) == (0, b"100000\n")


@alike
def test_a_broken_pipe_kills_the_child_as_it_should(program, flags):
    """Python ignores SIGPIPE; a child that inherited that would write for ever."""

    def scenario(side):
        with start(side, flags, ["yes"]) as running:
            running.out.until(b"y\n")
            running.out.stop()
            running.process.stdout.close()
            code = running.wait()
            running.process.stdout = None
            return code

    assert same(program, scenario) == 128 + signal.SIGPIPE
