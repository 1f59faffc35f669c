"""What people try on doors that are open to a network: each of it is refused, and costs little."""

import base64
import hashlib
import http.client
import json
import os
import subprocess
import threading
import time
import xmlrpc.client
from pathlib import Path

import pytest
from boxed import WITHIN_S, eventually, start_words
from doors import PASSWORD, USER, Doors, call, free_port
from supervised import program

from pyinit.runtime.gateway import MOST_BYTES, OPEN_FILES

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMBS = {
    "billion laughs": f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>'
    "<methodCall><methodName>&l9;</methodName></methodCall>",
    "quadratic": f'<!DOCTYPE x [<!ENTITY a "{"a" * 50_000}">]>'
    f"<methodCall><methodName>{'&a;' * 5_000}</methodName></methodCall>",
    "a file": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    "<methodCall><methodName>&a;</methodName></methodCall>",
    "a document type": "<!DOCTYPE x><methodCall><methodName>a.b</methodName></methodCall>",
    "too deep": "<methodCall><methodName>a.b</methodName><params><param>"
    + "<value><array><data>" * 1_000,
    "too many": "<methodCall><methodName>a.b</methodName><params>"
    + "<param><value/></param>" * 40_000
    + "</params></methodCall>",
}


@pytest.fixture(scope="module")
def doors():
    with Doors(program("web", "sleep 600") + program("loud", "sleep 600")) as found:
        found.wait_state("web", "RUNNING")
        yield found
        assert "cannot answer" not in found.err


def memory_kb(pid):
    """Return the peak of the memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


def test_it_can_have_no_more_memory_and_no_more_descriptors_than_it_needs(doors):
    """Whatever is found to make it grow is its own end, not that of the programs beside it."""
    lines = Path(f"/proc/{doors.started()}/limits").read_text().splitlines()
    limits = {line[:26].strip(): line[26:].split()[:2] for line in lines}
    assert limits["Max address space"] == [str(MOST_BYTES)] * 2
    assert limits["Max open files"] == [str(OPEN_FILES)] * 2
    assert limits["Max core file size"][0] == "0"


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_and_costs_nothing(doors, name):
    pid = doors.started()
    before = memory_kb(pid)
    found = doors.post(BOMBS[name].encode())
    assert found.status == 400
    assert memory_kb(pid) - before < 30_000
    assert doors.gateway() == pid


def test_a_body_that_is_too_large_is_not_even_read(doors):
    with doors.raw() as client:
        key = doors.key()["Authorization"]
        head = f"POST /RPC2 HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
        client.sendall(f"{head}Content-Length: 99999999\r\n\r\n".encode())
        assert client.recv(1024).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_refused(doors):
    with doors.raw() as client:
        key = doors.key()["Authorization"]
        head = f"POST /RPC2 HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
        client.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        assert client.recv(1024).startswith(b"HTTP/1.1 411 ")


@pytest.mark.parametrize("body", [b"", b"x", b"<a/>", b"<methodCall/>", b"\xff" * 100])
def test_what_is_no_call_is_a_bad_request(doors, body):
    assert doors.post(body).status == 400


@pytest.mark.parametrize("kind", ["nil", "i8", "ex:i4", "script"])
def test_types_that_supervisord_does_not_know_are_refused(doors, kind):
    body = (
        "<methodCall><methodName>supervisor.getState</methodName><params><param><value>"
        f"<{kind}/></value></param></params></methodCall>"
    )
    assert doors.post(body.encode()).status == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_calls_methods(doors, method):
    assert doors.ask(method, "/RPC2", headers={"Content-Length": "0"}).status == 400


@pytest.mark.parametrize(
    "method",
    [
        "supervisor.supervisord.options.execve",
        "supervisor.__class__",
        "supervisor._update",
        "__init__",
        "system.methods.__class__",
        "",
        "supervisor.",
        ".getState",
        "a.b",
    ],
)
def test_nothing_but_the_methods_can_be_called(doors, method):
    found = doors.post(call(method))
    if not method:
        assert found.status == 400
        return
    with pytest.raises(xmlrpc.client.Fault) as told:
        xmlrpc.client.loads(found.body)
    assert (told.value.faultCode, told.value.faultString) == (1, "UNKNOWN_METHOD")


def test_the_wrong_number_of_arguments_is_a_fault(doors):
    with pytest.raises(xmlrpc.client.Fault) as told:
        xmlrpc.client.loads(doors.post(call("supervisor.getState", 1)).body)
    assert (told.value.faultCode, told.value.faultString) == (2, "INCORRECT_PARAMETERS")


@pytest.mark.parametrize(
    "path",
    [
        "/logtail/../../../../etc/passwd",
        "/logtail/..%2f..%2f..%2fetc%2fpasswd",
        "/logtail/%2fetc%2fpasswd",
        "/logtail/*",
        "/logtail/web:*",
        "/logtail/all",
        "/logtail/=web:0",
        "/logtail/pyinit-web",
        "/logtail/web/../loud",
        "/logtail/web/stdin",
        "/logtail/web%00",
        "/logtail/",
        "/logtail",
        "/mainlogtail/x",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "//etc/passwd",
        "/nothing",
    ],
)
def test_no_path_leads_out(doors, path):
    found = doors.get(path)
    assert found.status in (400, 404, 307)
    assert b"root:" not in found.body


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://evil.example:9001", "Host": "evil.example:9001", "Authorization": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"},
    ],
)
def test_a_browser_led_here_by_another_page_changes_nothing(doors, headers):
    found = doors.post(call("supervisor.stopProcess", "web"), headers=headers)
    assert found.status in (401, 403)
    assert doors.states()["web"] == "RUNNING"


def test_a_page_of_ours_may_call(doors):
    host = f"127.0.0.1:{doors.port}"
    headers = {"Origin": f"http://{host}", "Host": host, "Sec-Fetch-Site": "same-origin"}
    assert doors.post(call("supervisor.getState"), headers=headers).status == 200


def test_without_a_password_only_names_of_ours_are_taken_from_browsers():
    port = free_port()
    conf = program("web", "sleep 600") + f"[inet_http_server:open]\nport=127.0.0.1:{port}\n"
    with Doors(conf):

        def ask(**headers):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
            try:
                connection.request("POST", "/RPC2", call("supervisor.getState"), headers)
                return connection.getresponse().status
            finally:
                connection.close()

        for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
            assert ask(Host=host, Origin=f"http://{host}") == 200
        rebound = f"evil.example:{port}"  # whose name leads to our address
        assert ask(Host=rebound, Origin=f"http://{rebound}") == 403
        assert ask(Host=rebound) == 200  # no browser: another container calls us by our name


def test_the_password_is_asked_for_everywhere(doors):
    for path in ("/", "/ok.html", "/RPC2", "/logtail/web", "/mainlogtail", "/nothing", "/metrics"):
        found = doors.get(path, key=False)
        assert found.status == 401
        assert found.headers["www-authenticate"] == 'Basic realm="default"'
        assert found.headers["connection"].lower() == "close"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Basic !!!", 400),
        ("Basic " + base64.b64encode(b"nocolon").decode(), 400),
        ("Bearer x", 401),
        ("Basic " + base64.b64encode(f"{USER}:".encode()).decode(), 401),
        ("Basic " + base64.b64encode(f":{PASSWORD}".encode()).decode(), 401),
        ("basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(), 200),
    ],
)
def test_keys_that_do_not_fit(doors, header, status):
    assert doors.get("/ok.html", headers={"Authorization": header}).status == status


def test_guessing_takes_longer_and_longer_and_gains_nothing_in_parallel():
    with Doors(program("web", "sleep 600")) as doors:
        doors.started()
        found = []

        def guess():
            found.append(doors.get("/ok.html", headers=doors.key("wrong")).status)

        begun = time.monotonic()
        for _ in range(4):
            guess()
        assert found == [401] * 4
        assert time.monotonic() - begun > 1.4  # 0.1 + 0.2 + 0.4 + 0.8
        found.clear()
        guessers = [threading.Thread(target=guess) for _ in range(12)]
        for each in guessers:
            each.start()
        for each in guessers:
            each.join(WITHIN_S)
        assert set(found) == {401, 429}
        assert found.count(401) <= 5


def test_hashed_passwords_open():
    sha = "{SHA}" + hashlib.sha1(PASSWORD.encode()).hexdigest()
    salted = hashlib.sha256(PASSWORD.encode() + b"salt").digest() + b"salt"
    for written in (sha, "{SSHA256}" + base64.b64encode(salted).decode()):
        with Doors(program("web", "sleep 600"), password=written) as doors:
            assert doors.get("/ok.html").status == 200
            assert doors.get("/ok.html", headers=doors.key(written)).status == 401


def test_a_head_that_never_ends_is_not_waited_for(doors):
    slow = [doors.raw() for _ in range(20)]
    for each in slow:
        each.sendall(b"GET / HTTP/1.1\r\nHost:")
    assert doors.get("/ok.html").status == 200  # nobody else waits for them
    until = time.monotonic() + WITHIN_S
    for each in slow:
        each.settimeout(max(0.1, until - time.monotonic()))
        try:
            assert each.recv(64) == b""
        except ConnectionResetError:
            continue
        finally:
            each.close()


def test_a_request_with_two_lengths_is_refused_and_nothing_behind_it_is_read(doors):
    key = f"Authorization: {doors.key()['Authorization']}\r\n"
    head = f"GET /ok.html HTTP/1.1\r\nHost: x\r\n{key}"
    both = f"{head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with doors.raw() as client:
        client.sendall(f"{both}{head}\r\n".encode())
        client.settimeout(WITHIN_S)
        said = b""
        while part := client.recv(4096):
            said += part
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1") == 1


def test_a_head_that_is_too_long_is_refused(doors):
    with doors.raw() as client:
        try:
            client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000)
            said = client.recv(64)
        except ConnectionError:
            said = b""
        assert said == b"" or said.startswith(b"HTTP/1.1 400 ")
    assert doors.get("/ok.html").status == 200


def test_a_crowd_is_turned_away_and_the_gateway_goes_on(doors):
    crowd = [doors.raw() for _ in range(300)]
    try:
        eventually(lambda: _is_closed(crowd[-1]))
    finally:
        for each in crowd:
            each.close()
    assert eventually(lambda: _status(doors)) == 200


def _is_closed(client):
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def _status(doors):
    try:
        return doors.get("/ok.html").status
    except (ConnectionError, OSError):
        return 0


def test_secrets_are_shown_nowhere(doors):
    doors.started()
    seen = doors.post(call("supervisor.getAllConfigInfo")).body
    for verb in (["status", "--json"], ["env", "web", "--json"], ["trace"], ["why", "web"]):
        seen += _ctl(doors, *verb)
    assert PASSWORD.encode() not in seen
    assert PASSWORD not in doors.log + doors.err + doors.out


def _ctl(doors, *words):
    done = subprocess.run(
        [*start_words("ctl"), *words],
        env={"PYINIT_SOCKET": doors.control, "PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=WITHIN_S,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_facts_of_its_answers(doors):
    found = doors.get("/ok.html")
    assert (found.body, found.headers["content-type"]) == (b"OK", "text/plain; charset=utf-8")
    assert found.headers["server"] == "pyinit"
    found = doors.post(call("supervisor.getState"))
    assert found.headers["content-type"] == "text/xml"
    assert int(found.headers["content-length"]) == len(found.body)
    assert json.dumps(xmlrpc.client.loads(found.body)[0][0]) == (
        '{"statecode": 1, "statename": "RUNNING"}'
    )


def test_bare_strings_and_missing_params_are_understood(doors):
    bare = (
        "<?xml version='1.0'?><methodCall><methodName>supervisor.getProcessInfo</methodName>"
        "<params><param><value>web</value></param></params></methodCall>"
    )
    assert xmlrpc.client.loads(doors.post(bare.encode()).body)[0][0]["name"] == "web"
    none = "<methodCall><methodName>supervisor.getAPIVersion</methodName></methodCall>"
    assert xmlrpc.client.loads(doors.post(none.encode()).body)[0][0] == "3.0"


def test_old_http_is_spoken(doors):
    with doors.raw() as client:
        key = doors.key()["Authorization"]
        client.sendall(f"GET /ok.html HTTP/1.0\r\nAuthorization: {key}\r\n\r\n".encode())
        said = b""
        while part := client.recv(1024):
            said += part
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.endswith(b"\r\n\r\nOK")
