"""The [web] section of pyinit.toml: doors that come and go with a reload, and an idle gateway."""

import http.client
import os
import socket
import ssl
import subprocess
import sys
import time
import xmlrpc.client
from pathlib import Path

import pytest
import tomli
from boxed import ROOT, WITHIN_S, Box, children_map, eventually, program
from doors import free_port
from supervised import UnixConnection

from pyinit.web.limits import CONNECTIONS

WEB = program("web", "sleep", "600")


def web(*places, **keys):
    lines = [f"{key} = {value}" for key, value in keys.items()]
    listen = ", ".join(f'"{each}"' for each in places)
    return "\n".join(["[web]", f"listen = [{listen}]", *lines, "", ""])


def status(port, connection=None):
    """Return what a TCP door answers, 0 if nobody listens there."""
    connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
    try:
        connection.request("GET", "/ok.html")
        return connection.getresponse().status
    except ConnectionRefusedError:
        return 0
    finally:
        connection.close()


def gateway(box):
    for pid in children_map().get(box.pid, []):
        try:
            if b"pyinit.web" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        except OSError:
            continue
    return 0


def reload(box, config):
    box.config.write_text(config)
    return box.ctl("reload")


def test_doors_come_and_go_with_a_reload():
    first, second = free_port(), free_port()
    with Box(web(f"127.0.0.1:{first}") + WEB) as box:
        box.wait_state("web", "RUNNING")
        assert status(first) == 200
        old = gateway(box)
        assert reload(box, web(f"127.0.0.1:{first}", f"127.0.0.1:{second}") + WEB).returncode == 0
        eventually(lambda: gateway(box) not in (0, old))  # the one that knows both
        assert (status(first), status(second)) == (200, 200)
        assert reload(box, web(f"127.0.0.1:{second}") + WEB).returncode == 0
        eventually(lambda: _now(first) == 0)  # once the one that had it is gone
        assert status(second) == 200
        assert reload(box, WEB).returncode == 0
        eventually(lambda: gateway(box) == 0)
        assert (status(first), status(second)) == (0, 0)
        assert reload(box, web(f"127.0.0.1:{first}") + WEB).returncode == 0
        assert status(first) == 200


def test_a_door_that_cannot_be_opened_refuses_the_reload():
    first, second = free_port(), free_port()
    with Box(web(f"127.0.0.1:{first}") + WEB) as box, _taken(second):
        box.wait_state("web", "RUNNING")
        done = reload(box, web(f"127.0.0.1:{first}", f"127.0.0.1:{second}") + WEB)
        assert done.returncode == 1
        assert f"127.0.0.1:{second}" in done.stderr
        assert status(first) == 200


def test_a_reload_that_is_refused_for_a_limit_leaves_the_gateway_and_its_door_alone():
    first, second = free_port(), free_port()
    with Box(web(f"127.0.0.1:{first}") + WEB) as box:
        box.wait_state("web", "RUNNING")
        assert status(first) == 200
        before = gateway(box)
        init = "[init]\nlimits = { nofile = 99999999999 }\n"
        assert reload(box, init + web(f"127.0.0.1:{second}") + WEB).returncode == 1
        assert (status(first), status(second)) == (200, 0)
        assert gateway(box) == before


def _taken(port):
    return socket.create_server(("127.0.0.1", port))


def test_a_password_that_changes_is_asked_for_at_once():
    port = free_port()
    with Box(web(f"127.0.0.1:{port}") + WEB) as box:
        box.wait_state("web", "RUNNING")
        assert status(port) == 200
        changed = web(f"127.0.0.1:{port}", username='"a"', password='"b"') + WEB
        assert reload(box, changed).returncode == 0
        eventually(lambda: _now(port) == 401)


def _now(port):
    try:
        return status(port)
    except (http.client.HTTPException, ConnectionError):  # the old one was just leaving
        return -1


def test_a_gateway_without_clients_goes_home_and_comes_again():
    port = free_port()
    with Box(web(f"127.0.0.1:{port}", idle_exit='"1s"') + WEB) as box:
        box.wait_state("web", "RUNNING")
        for _ in range(2):
            assert status(port) == 200
            assert eventually(lambda: gateway(box))
            eventually(lambda: gateway(box) == 0)
        assert "exit status 0" in box.err


def test_a_client_keeps_the_gateway_there():
    port = free_port()
    with Box(web(f"127.0.0.1:{port}", idle_exit='"500ms"') + WEB) as box:
        box.wait_state("web", "RUNNING")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
        connection.request("GET", "/ok.html")
        assert connection.getresponse().read() == b"OK"
        pid = eventually(lambda: gateway(box))
        time.sleep(2.0)  # four times as long as nobody may stay
        assert gateway(box) == pid
        connection.close()


def test_a_unix_door_has_a_directory_made_for_it(tmp_path):
    path = tmp_path / "new" / "web.sock"
    with Box(web(f"unix:{path}", mode='"0660"') + WEB) as box:
        box.wait_state("web", "RUNNING")
        assert status(0, UnixConnection(str(path))) == 200
        assert path.stat().st_mode & 0o777 == 0o660


@pytest.fixture
def tls(tmp_path):
    """Return (port, a box with a door of TLS there, what trusts it)."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words += ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(words, check=True, capture_output=True, timeout=WITHIN_S)
    except FileNotFoundError:
        pytest.skip("no openssl here to make a certificate")
    key.chmod(0o600)
    port = free_port()
    keys = {"tls_cert": f'"{certificate}"', "tls_key": f'"{key}"'}
    with Box(web(f"127.0.0.1:{port}", **keys) + WEB) as box:
        box.wait_state("web", "RUNNING")
        trust = ssl.create_default_context(cafile=str(certificate))
        trust.check_hostname = False
        yield port, box, trust


def test_tls_is_spoken_with_a_key_that_only_pyinit_may_read(tls):
    port, box, trust = tls
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=WITHIN_S, context=trust)
    assert status(port, connection) == 200
    text = Path(f"/proc/{gateway(box)}/cmdline").read_bytes()
    assert b"key.pem" not in text


def test_who_never_ends_the_handshake_is_counted_and_not_waited_for(tls):
    """A crowd of them fills the door for ten seconds, and not the gateway's table of files."""
    port, box, trust = tls

    def answers():
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=trust)
        try:
            return status(port, connection) == 200
        except OSError:
            return False

    assert eventually(answers)
    pid = gateway(box)
    before = len(os.listdir(f"/proc/{pid}/fd"))
    crowd = [
        socket.create_connection(("127.0.0.1", port), WITHIN_S) for _ in range(CONNECTIONS + 50)
    ]
    try:
        for each in crowd:
            each.setblocking(False)
        eventually(lambda: sum(map(is_over, crowd)) >= 50)  # turned away at once
        assert len(os.listdir(f"/proc/{pid}/fd")) <= before + CONNECTIONS
        eventually(lambda: all(map(is_over, crowd)))
        assert eventually(answers)
        assert gateway(box) == pid
    finally:
        for each in crowd:
            each.close()


def is_over(connection):
    """Say whether the other end has hung up."""
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_without_the_gateways_libraries_it_is_said_once_and_pyinit_runs(tmp_path):
    port = free_port()
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "pyinit").symlink_to(ROOT / "pyinit")
    (bare / "tomli").symlink_to(Path(tomli.__file__).parent)
    config = tmp_path / "pyinit.toml"
    config.write_text(web(f"127.0.0.1:{port}") + WEB)
    code = f"import sys; sys.path[:0] = [{str(bare)!r}]; from pyinit.cli.init import main; main()"
    control = str(tmp_path / "control.sock")
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code, "-c", str(config)],
        env={"PATH": os.environ["PATH"], "PYINIT_SOCKET": control},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: Path(control).exists())
        assert status(port) == 0
    finally:
        process.terminate()
        said = process.communicate(timeout=WITHIN_S)[1]
    assert said.count("the web gateway is not installed") == 1
    assert "pip install 'pyinit[web]'" in said


def test_a_password_is_shown_nowhere_after_a_reload():
    port = free_port()
    keys = {"username": '"admin"', "password": '"open sesame"'}
    with Box(web(f"127.0.0.1:{port}", **keys) + WEB) as box:
        box.wait_state("web", "RUNNING")
        assert status(port) == 401
        keys["password"] = '"close sesame"'
        assert reload(box, web(f"127.0.0.1:{port}", **keys) + WEB).returncode == 0
        box.ctl("reexec")
        seen = box.err + box.out
        for words in (["trace"], ["status", "--json"], ["events"], ["env", "web"], ["why", "web"]):
            done = box.ctl(*words)
            seen += done.stdout + done.stderr
        for words in (["show", str(box.config)], ["check", str(box.config)]):
            done = box.ctl(*words)
            seen += done.stdout + done.stderr
        assert "sesame" not in seen


def test_a_read_only_door_tells_and_changes_nothing():
    port = free_port()
    with Box(web(f"127.0.0.1:{port}", read_only="true") + WEB) as box:
        box.wait_state("web", "RUNNING")
        proxy = xmlrpc.client.ServerProxy(f"http://127.0.0.1:{port}")
        assert proxy.supervisor.getProcessInfo("web")["statename"] == "RUNNING"
        for method, *params in (["stopProcess", "web"], ["shutdown"], ["reloadConfig"]):
            with pytest.raises(xmlrpc.client.Fault, match="this door is read-only"):
                getattr(proxy.supervisor, method)(*params)
        box.wait_state("web", "RUNNING")


def test_who_comes_while_an_idle_gateway_leaves_is_answered():
    port = free_port()
    with Box(web(f"127.0.0.1:{port}", idle_exit='"50ms"') + WEB) as box:
        box.wait_state("web", "RUNNING")
        for number in range(15):
            assert status(port) == 200  # no reset, no refusal
            time.sleep(0.045 + 0.001 * number)  # about when it goes
