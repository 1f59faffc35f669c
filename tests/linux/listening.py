"""Programs that are born with sockets, and clients that come to them."""

import os
import signal
import socket

from boxed import eventually, inline, program, python

SERVER = """
import os, socket, sys, time
count = int(os.environ["LISTEN_FDS"])
assert int(os.environ["LISTEN_PID"]) == os.getpid(), "LISTEN_PID is not mine"
names = os.environ["LISTEN_FDNAMES"].split(":")
import select
listeners = [socket.socket(fileno=3 + n) for n in range(count)]
while True:
    for ready in select.select(listeners, [], [])[0]:
        client, _ = ready.accept()
        said = client.recv(100)
        name = names[listeners.index(ready)]
        client.sendall(f"{os.getpid()} {name} {said.decode()}".encode())
        client.close()
"""


def server(name="web", sockets=("http",), code=SERVER, **keys):
    """Return a program that tells its pid and the name of the socket to whoever connects."""
    return program(name, *python(code), sockets=list(sockets), **keys)


def listener(name, listen, **keys):
    """Return a [socket.NAME] section."""
    lines = [f"{key} = {inline(value)}" for key, value in {"listen": listen, **keys}.items()]
    return "\n".join([f"[socket.{name}]", *lines, ""])


def free_port(host="127.0.0.1"):
    """Return a port that nobody listens at."""
    with socket.create_server((host, 0)) as found:
        return found.getsockname()[1]


def ask(address, said="hello", within_s=60.0):
    """Return the words that a server answers: its pid, its name of the socket, what was said.

    `address` is a port, a (host, port) or a path.
    """
    if isinstance(address, int):
        address = ("127.0.0.1", address)
    kind = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    if isinstance(address, tuple) and ":" in address[0]:
        kind = socket.AF_INET6
    with socket.socket(kind) as client:
        client.settimeout(within_s)
        client.connect(address)
        client.sendall(said.encode())
        return client.recv(200).decode().split()


def answers(address):
    """Say whether anybody is at an address."""
    try:
        return bool(ask(address))
    except OSError:
        return False


def kill(box, pid):
    """Kill a process of a box by its pid in there; it accepts nobody any more."""
    outer = box.outer(int(pid))
    os.kill(outer, signal.SIGKILL)

    def is_gone():
        found = box.look_at(outer)
        return found is None or found.state == "Z"

    eventually(is_gone)


def refuses(port):
    """Say whether nobody listens at a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return True
    return False
