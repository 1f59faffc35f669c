"""A pid that somebody else was given meanwhile is not taken for who had it before."""

import os

import pytest
from boxed import Box, eventually, needs_root, program, python
from notifying import TELL

CHOSEN = "/proc/sys/kernel/ns_last_pid"  # pids are chosen by it, as root in a PID namespace
pytestmark = [
    needs_root,
    pytest.mark.skipif(not os.path.exists(CHOSEN), reason="no kernel with checkpoint/restore"),
]
BEGIN = (
    TELL
    + f"""
def there(name):
    return os.path.exists(os.environ["PYINIT_BOX"] + "/" + name)
def until(name):
    while not there(name):
        time.sleep(0.01)
    with open(os.environ["PYINIT_BOX"] + "/" + name) as file:
        return file.read()
def write(name, text=""):
    with open(os.environ["PYINIT_BOX"] + "/" + name + ".new", "w") as file:
        file.write(text)
    os.rename(file.name, file.name[:-4])
def take(pid, work):
    while True:
        with open({CHOSEN!r}, "w") as file:
            file.write(str(pid - 1))
        child = os.fork()
        if child == 0:
            if os.getpid() == pid:
                work()
            os._exit(1)
        if child == pid:
            return
        os.waitpid(child, 0)
"""
)
# Names the child of a child, which ends at once; and ends itself when somebody has its pid.
NAMES = """
ours, theirs = os.pipe()
if os.fork() == 0:
    named = os.fork()
    if named == 0:
        wait()
    os.write(theirs, str(named).encode())
    until("named")
    os.kill(named, signal.SIGKILL)
    os.wait()
    write("free", str(named))
    wait()
tell("READY=1\\nMAINPID=" + os.read(ours, 20).decode())
barrier()
write("named")
until("taken")
"""
ORPHAN = """
def orphan():
    os.setsid()
    while os.getppid() != 1:
        time.sleep(0.01)
    write("taken")
    wait()
pid = int(until("free"))
if os.fork() == 0:
    take(pid, orphan)
    os._exit(0)
wait()
"""


def test_who_has_the_pid_of_one_that_was_named_does_not_lead_in_its_place():
    """It belongs to another program, and would be stopped with this one."""
    keys = {"restart": "never", "critical": False, "ready": {"notify": True}}
    web = program("web", *python(BEGIN + NAMES), **keys)
    with Box(web + program("other", *python(BEGIN + ORPHAN))) as box:
        eventually((box.place / "taken").exists)
        eventually(lambda: "web: ended" in box.err or "web: led by" in box.err)
        assert box.wait_state("web", "EXITED", "RUNNING")["state"] == "EXITED"
        assert int((box.place / "free").read_text()) in [one.inner for one in box.processes()]


# Ends when it is told to, and leaves behind one in a session of its own that does not.
LEAVES = """
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    write("free", str(os.getppid()))
    wait()
wait()
"""
CHILD = """
def child():
    if sys.argv[1] == "session":
        os.setsid()
        if os.fork() == 0:
            wait()
    write("taken")
    wait()
pid = int(until("free"))
while os.path.exists(f"/proc/{pid}"):
    time.sleep(0.01)
take(pid, child)
wait()
"""


@pytest.mark.parametrize("how", ["child", "session"])
def test_who_has_the_pid_of_a_leader_that_is_gone_is_none_of_what_it_has_left(how):
    """Neither it nor the group that it leads is killed with that, or waited for."""
    web = program("web", *python(BEGIN + LEAVES), stop={"timeout": "2s"})
    with Box(web + program("other", *python(BEGIN + CHILD, how))) as box:
        eventually((box.place / "free").exists)
        box.call("stop", {"names": ["web"], "wait": False})
        eventually((box.place / "taken").exists)
        box.call("stop", {"names": ["web"], "wait": True})
        assert "survive" not in box.err
        assert len([one for one in box.processes() if one.state != "Z"]) == 3 + (how == "session")
