"""A real Go server under load: twenty rolling restarts and reloads, and no request fails."""

import re
import signal
import subprocess
from contextlib import contextmanager

from boxed import WITHIN_S, Box, program
from ctl_running import text
from go_programs import built
from listening import free_port, listener

CLIENTS = 8
RESTARTS, RELOADS = 20, 4
READY = {"notify": True, "timeout": "30s"}
FOUND = re.compile(r"requests=(\d+) failed=(\d+) processes=(\d+) ?(.*)")


def config(port, version=1, **keys):
    given = {"sockets": ["http"], "ready": READY, "env": {"VERSION": str(version)}, **keys}
    return listener("http", f"127.0.0.1:{port}") + program(
        "web", f"{built()}/listen", "serve", **given
    )


@contextmanager
def load(port):
    """Have clients ask all the time; yields a dict that has what came of it after the block."""
    words = [f"{built()}/load", f"http://127.0.0.1:{port}/?wait=5ms", str(CLIENTS)]
    found = {}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout.readline() == "asking\n"
        yield found
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=WITHIN_S)
    finally:
        process.kill()
        process.wait(WITHIN_S)
    requests, failed, processes, why = FOUND.search(said).groups()
    found.update(requests=int(requests), failed=int(failed), processes=int(processes), why=why)


def test_twenty_rolling_restarts_under_load_fail_no_request():
    port = free_port()
    with Box(config(port)) as box:
        box.wait_state("web", "RUNNING")
        with load(port) as found:
            for _ in range(RESTARTS):
                text(box, "restart", "--rolling", "web")
        assert (found["failed"], found["why"]) == (0, "")
        assert found["processes"] == RESTARTS + 1
        assert found["requests"] > 10 * RESTARTS


def test_reloads_under_load_fail_no_request():
    port = free_port()
    with Box(config(port, instances=2)) as box:
        box.wait_state("web:1", "RUNNING")
        with load(port) as found:
            for version in range(2, 2 + RELOADS):
                box.config.write_text(config(port, version, instances=2))
                assert "rolled: web:0, web:1" in text(box, "reload")
        assert (found["failed"], found["why"]) == (0, "")
        assert found["processes"] > RELOADS
