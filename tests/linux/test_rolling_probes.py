"""A new run beside an old one is ready when it answers itself: their socket is the same."""

import pytest
from boxed import Box, program, python
from ctl_running import complaint, text
from listening import free_port, listener
from test_rolling import runs

# An HTTP server that is slow to come up, and may never do.
SERVER = """
import os, socket, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = {version!r}
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket = socket.socket(fileno=3)
time.sleep(0.6)
if os.path.exists({bad!r}):
    sys.exit(3)
print("serves", flush=True)
server.serve_forever()
"""


@pytest.mark.parametrize("kind", ["HTTP/1.0", "HTTP/1.1", "tcp"])
def test_the_answers_of_the_old_run_are_not_taken_for_those_of_the_new_one(kind, tmp_path):
    port, bad = free_port(), tmp_path / "bad"
    where = f"127.0.0.1:{port}"
    ready = {"tcp": where} if kind == "tcp" else {"http": f"{where}/"}
    version = "HTTP/1.1" if kind == "tcp" else kind
    keys = {
        "ready": {**ready, "interval": "100ms", "timeout": "20s"},
        "start_seconds": 0,  # only who answers counts
        "sockets": ["http"],
        "stdout": "prefix",
    }
    code = SERVER.format(version=version, bad=str(bad))
    with Box(listener("http", where) + program("web", *python(code), **keys)) as box:
        box.wait_state("web", "RUNNING")
        assert box.out.count("web | serves") == 1
        old = runs(box)["pid"]
        bad.touch()
        said = complaint(box, "restart", "--rolling", "web", code=1)
        assert said.startswith("pyinitctl: cannot restart web: exit status 3")
        assert runs(box)["pid"] == old
        bad.unlink()
        assert text(box, "restart", "--rolling", "web").startswith("web: RUNNING")
        assert runs(box)["pid"] != old
        assert box.out.count("web | serves") == 2


def test_a_connection_is_not_taken_before_the_program_listens(tmp_path):
    port = free_port()
    ready = {"tcp": f"127.0.0.1:{port}", "interval": "100ms", "timeout": "1s"}
    keys = {"ready": ready, "sockets": ["http"], "restart": "never"}
    text_of = listener("http", f"127.0.0.1:{port}") + program("web", "sleep", "600", **keys)
    with Box('[init]\nexit = "never"\n' + text_of) as box:
        box.wait_state("web", "EXITED")
        assert "web: was never ready: " in box.err
