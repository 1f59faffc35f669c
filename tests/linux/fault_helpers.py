"""The command pyinit, whose helper processes can be made to fail: only tests start it.

It is put before the words that start pyinit, as fault_entry is.  While there is a file "armed" in
$PYINIT_FAULTS, whoever is forked by the function it names fails in the way it says:

    {"helper": "runtime.schedules:Schedules._ask", "how": "rubbish", "code": 0,
     "constants": {"pyinit.runtime.desk:ANSWER_S": 0.3}, "words": "python code of the gateway",
     "argv": ["what", "is", "run", "as", "the", "gateway"]}

raises, killed, hangs, half, rubbish, wrong, twice, endless, boasts, floods, ...   see `FAILURES`
unborn                    fork(2) fails, as at the limit of processes
no interpreter            what would be executed is not there

`code` is the exit status of one that has said something (negative: it does not end).
`constants` hold from the fork that fails to the next that does not; those in the file "always" do
so from the start.  Each failure is noted in "met".
"""

import errno
import importlib
import json
import marshal
import os
import posix
import resource
import signal
import sys
from pathlib import Path

PLACE = Path(os.environ["PYINIT_FAULTS"])
ARMED, MET = PLACE / "armed", PLACE / "met"
RUBBISH = b"\0\xff\xfe(((\n {]\x80\n" * 20
CHUNK = b"x" * 65536
ENDLESS_BYTES = 100 << 20
FLOOD_BYTES = 4 << 20
MISSING = "/nonexistent/python"

genuine_fork, genuine_read, genuine_write = posix.fork, posix.read, posix.write
kept = {}  # what constants were before


def armed():
    try:
        return json.loads(ARMED.read_text())
    except FileNotFoundError:
        return None


def callers():
    """Give the frames of whoever is under way, innermost first."""
    frame = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


def is_called_by(name):
    return any(
        f"{frame.f_globals.get('__name__', '').removeprefix('pyinit.')}:{frame.f_code.co_qualname}"
        == name
        for frame in callers()
    )


def writer_of():
    """Return the descriptor by which a child is to answer, -1 if it does not."""
    found = [frame.f_locals["writer"] for frame in callers() if "writer" in frame.f_locals]
    return found[0] if found else -1


def set_constants(values):
    for name, value in values.items():
        module, _, constant = name.partition(":")
        owner = sys.modules[module]
        kept.setdefault(name, getattr(owner, constant))
        setattr(owner, constant, value)


def fork():
    plan = armed()
    if plan is None or not is_called_by(plan["helper"]):
        set_constants(dict(kept))
        return genuine_fork()
    with MET.open("a") as file:
        file.write(plan["how"] + "\n")
    if plan["how"] == "unborn":
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    set_constants({**kept, **plan.get("constants", {})})
    writer = writer_of()
    pid = genuine_fork()
    if pid == 0:
        fail_later(plan, writer)
    return pid


def fail_later(plan, writer):
    """Let the child fail as soon as it is set up: it has nothing of its parent by then."""
    from pyinit.system import files, signals

    set_up = signals.reset_in_child

    def reset():
        set_up()
        if writer >= 0:
            files.close_all((writer,))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        FAILURES[plan["how"]](writer, plan.get("code", 0))

    signals.reset_in_child = reset


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def raises(*_args, **_named):
    raise RuntimeError("planted")


def killed(_writer, _code):
    die()


def hangs(*_):
    os.kill(os.getpid(), signal.SIGSTOP)


def half(writer, _code):
    """Die in the middle of the answer, or of the work that is one."""
    if writer < 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))  # a compressor

    def write(fd, data):
        if fd != writer:
            return genuine_write(fd, data)
        genuine_write(fd, data[: len(data) // 2])
        die()

    def read(fd, size):
        if len(genuine_read(fd, size)):  # what looks at the output of a program
            die()

    posix.write = write
    if writer < 0:
        posix.read = read


def end(code):
    """End with an exit status; with a negative one never."""
    if code < 0:
        hangs()
    os._exit(code)


def rubbish(writer, code):
    genuine_write(writer, RUBBISH)
    end(code)


def wrong(writer, code):
    from pyinit.system import files

    files.answer(writer, marshal.dumps(("what", b"\0\xff", 5)))
    end(code)


def twice(writer, _code):
    def write(fd, data):
        if fd == writer:
            genuine_write(fd, data)
        return genuine_write(fd, data)

    posix.write = write


def endless(writer, code):
    for _ in range(ENDLESS_BYTES // len(CHUNK)):
        genuine_write(writer, CHUNK)
    end(code)


def boasts(writer, code):
    from pyinit.system import files

    genuine_write(writer, files.ANSWER + b"%016x" % (1 << 40))
    endless(writer, code)


def floods(_writer, _code):
    for _ in range(FLOOD_BYTES // len(CHUNK)):
        genuine_write(2, CHUNK)


def starved(_writer, _code):
    """Have no memory left, while the configuration is read."""
    replaced("pyinit.config.load", "load", take_all)


def take_all(*_args, **_named):
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (32 << 20), -1))
    hold = []
    while True:
        hold.append(bytearray(1 << 20))


def broken(_writer, _code):
    replaced("pyinit.config.load", "load", raises)


def nested(_writer, _code):
    def down(*args, **named):
        return down(*args, **named)

    replaced("pyinit.config.load", "load", down)


def incomplete(_writer, _code):
    def load(*_args, **_named):
        importlib.import_module("pyinit.config.missing")

    replaced("pyinit.config.load", "load", load)


def replaced(module, name, function):
    setattr(importlib.import_module(module), name, function)


def leaves_a_child(_writer, _code):
    """Die, and leave somebody behind who holds the pipe."""
    if genuine_fork() == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
    die()


def no_interpreter(_writer, _code):
    sys.executable = MISSING


FAILURES = {
    "raises": raises,
    "killed": killed,
    "hangs": hangs,
    "half": half,
    "rubbish": rubbish,
    "wrong": wrong,
    "twice": twice,
    "endless": endless,
    "boasts": boasts,
    "floods": floods,
    "starved": starved,
    "broken": broken,
    "nested": nested,
    "incomplete": incomplete,
    "leaves a child": leaves_a_child,
    "no interpreter": no_interpreter,
}


def main():
    words = sys.argv[sys.argv.index("-c") + 1 :]  # python -I -S -c CODE ARG...
    sys.path[:0] = eval(words[0].split("sys.path[:0] = ")[1].split(";")[0])
    sys.argv = ["pyinit", *words[1:]]
    from pyinit.cli import init
    from pyinit.runtime import gateway

    for name, value in json.loads((PLACE / "always").read_text()).items():
        module, _, constant = name.partition(":")
        setattr(importlib.import_module(module), constant, value)
    genuine_words = gateway._words

    def gateways_words():
        plan = armed() or {}
        code = plan.get("words")
        words = (sys.executable, "-I", "-S", "-c", code) if code else genuine_words()
        return tuple(plan.get("argv", words))

    gateway._words = gateways_words
    posix.fork = fork
    init.main()


main()
