"""A pyinit with doors for its gateway, and clients that speak HTTP to them as they please.

    with Doors() as doors:
        doors.get("/ok.html")                          # at the TCP door, with its password
        doors.post(call("supervisor.getState"))
        doors.gateway()                                # the pid of pyinit.web, 0 if it is away

There are a Unix door without and a TCP door with a password, and programs `web` and `loud`.
"""

import base64
import http.client
import os
import socket
import subprocess
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path

from boxed import WITHIN_S, children_map, eventually
from supervised import Side, UnixConnection, base, genuine, program

USER, PASSWORD = "admin", "open sesame"
PROGRAMS = program("web", "sleep 600") + program(
    "loud", "sh -c 'echo first; exec sleep 600'", stdout_logfile="%(here)s/loud.log"
)


@dataclass(frozen=True)
class Answer:
    """What came back: its status, its headers by lower-case names, its body."""

    status: int
    headers: dict
    body: bytes


def call(method, *params):
    """Return the body of an XML-RPC request."""
    return xmlrpc.client.dumps(params, method).encode()


def free_port():
    """Return a port that nobody listens on, as far as can be known."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def inet(port, password=PASSWORD, name=""):
    """Return the section of a TCP door."""
    return (
        f"[inet_http_server{name}]\nport=127.0.0.1:{port}\nusername={USER}\npassword={password}\n\n"
    )


class Doors(Side):
    """Side("pyinit") with a TCP door at `port`; `more` are further sections."""

    def __init__(self, more=PROGRAMS, password=PASSWORD, **options):
        self.port = free_port()
        self.password = PASSWORD
        conf = base(**options.pop("base", {})) + inet(self.port, password) + more
        super().__init__("pyinit", conf, **options)

    # --- HTTP

    @property
    def url(self):
        """Where the TCP door is."""
        return f"http://127.0.0.1:{self.port}"

    def key(self, password=None):
        """Return the headers of somebody with a password."""
        words = f"{USER}:{self.password if password is None else password}"
        return {"Authorization": "Basic " + base64.b64encode(words.encode()).decode()}

    def get(self, path, **more):
        """Return the Answer to a GET; `headers` are laid over the right key, `unix` as below."""
        return self.ask("GET", path, **more)

    def post(self, body, path="/RPC2", **more):
        """Return the Answer to a POST."""
        return self.ask("POST", path, body, **more)

    def ask(self, method, path, body=None, *, headers=None, unix=False, key=True):
        """Return the Answer to any request, at the Unix door if `unix`."""
        connection = UnixConnection(self.socket) if unix else self.connection()
        known = {} if unix or not key else self.key()
        try:
            connection.request(method, path, body, {**known, **(headers or {})})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def connection(self):
        """Return a connection to the TCP door."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)

    def raw(self):
        """Return a socket that is connected to the TCP door."""
        return socket.create_connection(("127.0.0.1", self.port), WITHIN_S)

    # --- the gateway itself

    def gateway(self):
        """Return the pid of the gateway, as it is seen here; 0 if there is none."""
        for pid in children_map().get(self.pid, []):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if b"pyinit.web" in words:
                return pid
        return 0

    def started(self):
        """Have the gateway started, and return its pid."""
        assert self.get("/ok.html").status == 200
        return eventually(self.gateway)

    def pids(self):
        """Return {process: pid} of the programs."""
        return {name: self.pid_of(name) for name in ("web", "loud")}

    # --- the genuine client

    def ctl_at(self, url, *words, password=PASSWORD):
        """Run the genuine supervisorctl with an address; CompletedProcess."""
        key = ["-u", USER, "-p", password] if password is not None else []
        return subprocess.run(
            [genuine("supervisorctl"), "-s", url, *key, *words],
            cwd="/",
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

    def python(self, code, **env):
        """Run code in the genuine package's Python; return what it prints."""
        done = subprocess.run(
            [genuine("python"), "-c", code],
            env={"PATH": os.environ["PATH"], **env},
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
