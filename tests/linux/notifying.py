"""Programs that speak by sd_notify(3), for the tests: `TELL` is the beginning of each."""

from boxed import program, python

TELL = """
import array, os, signal, socket, sys, time
def tell(text, *fds):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        name = os.environ["NOTIFY_SOCKET"]
        s.connect("\\0" + name[1:] if name[0] == "@" else name)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        s.sendmsg([text.encode()], rights)
def say(*words):
    print(*words, flush=True)
def barrier():
    ours, theirs = os.pipe()
    tell("BARRIER=1", theirs)
    os.close(theirs)
    os.read(ours, 1)
def wait():
    while True:
        time.sleep(600)
"""


def speaker(code, *, name="web", ready=True, **keys):
    """Return the section of a program that runs `code` and is asked to say READY=1."""
    if ready:
        keys = {"ready": {"notify": True} if ready is True else ready, **keys}
    return program(name, *python(TELL + code), **keys)
