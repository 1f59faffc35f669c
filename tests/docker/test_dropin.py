"""An image that starts `supervisord -c FILE` moves to pyinit by its FROM line."""

import xmlrpc.client

import pytest
from boxes import PYTHON, eventually
from test_restrictions import RESTRICTIONS

CONF = """\
; as so many images have it
[unix_http_server]
file = /tmp/supervisor.sock
chmod = 0777
username = dummy
password = dummy

[inet_http_server]         # for the operators
port=9001
username=admin
password=secret word

[supervisord]
logfile=/tmp/log/supervisord.log
childlogdir=/tmp/log/children
pidfile=/tmp/supervisord.pid
minfds=1024
minprocs=20

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix:///tmp/supervisor.sock
username=dummy
password=dummy

[program:steady]
command=/usr/bin/python3 -IS -c "import time; print('hello <b>', flush=True); time.sleep(600)"
startsecs=0
redirect_stderr=true
stdout_logfile=/tmp/log/steady.log

[program:pair]
command=/usr/bin/python3 -IS -c "import time; time.sleep(600)"
process_name=%(program_name)s_%(process_num)02d
numprocs=2
startsecs=0
"""
FILES = {"/etc/supervisord.conf": CONF}
ASK = """
import binascii, _socket, sys
path, who, body = sys.argv[1:]
s = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
s.settimeout(30)
s.connect(("127.0.0.1", 9001))
word = binascii.b2a_base64(who.encode(), newline=False).decode()
lines = [("POST" if body else "GET") + f" {path} HTTP/1.1", "Host: localhost:9001",
         f"Authorization: Basic {word}", "Connection: close"]
if body:
    lines += ["Content-Type: text/xml", f"Content-Length: {len(body.encode())}"]
s.sendall("\\r\\n".join([*lines, "", body]).encode())
data = b""
while part := s.recv(65536):
    data += part
head, _, body = data.partition(b"\\r\\n\\r\\n")
print(head.split()[1].decode(), flush=True)
sys.stdout.buffer.write(body)
"""

PAGES = (
    *("/", "/index.html", "/tail.html?processname=steady", "/ok.html", "/metrics", "/livez"),
    *("/readyz", "/startupz", "/api/v1/openapi.json", "/api/v1/status"),
)


def start(boxes, image, **options):
    """Run an image as supervisord is run."""
    words = ["-n", "-c", "/etc/supervisord.conf"]
    entry = ["/usr/bin/supervisord"]
    return boxes.run(image, *words, entrypoint=entry, files=FILES, **options)


def ask(box, path, who="admin:secret word", body=""):
    """Return (status, body) of a page, as the gateway in the box serves it."""
    code, output = box.run(*PYTHON, ASK, path, who, body)
    assert code == 0, output
    status, _, body = output.partition("\n")
    return int(status), body


def call(box, method, *params):
    """Return what a method of supervisord's interface answers."""
    status, body = ask(box, "/RPC2", body=xmlrpc.client.dumps(params, f"supervisor.{method}"))
    assert status == 200, body
    return xmlrpc.client.loads(body)[0][0]


def supervisorctl(box, *words):
    return box.run("supervisorctl", "-c", "/etc/supervisord.conf", *words)


def settled(box):
    """Wait until supervisorctl says that all of it runs; return what it prints."""

    def look():
        code, output = supervisorctl(box, "status")
        return output if code == 0 else None

    return eventually(look, within_s=60, every_s=0.2)


@pytest.mark.parametrize("target", ["core", "debian", "default"])
def test_an_image_is_controlled_as_ever(boxes, images, target):
    box = start(boxes, images[target])
    lines = settled(box).splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["pair:pair_00", "RUNNING"],
        ["pair:pair_01", "RUNNING"],
        ["steady", "RUNNING"],
    ]
    assert supervisorctl(box, "stop", "pair:*") == (
        0,
        "pair:pair_00: stopped\npair:pair_01: stopped\n",
    )
    assert supervisorctl(box, "status", "pair:pair_00")[0] == 3
    assert supervisorctl(box, "tail", "steady") == (0, "hello <b>\n\n")
    assert supervisorctl(box, "restart", "steady") == (0, "steady: stopped\nsteady: started\n")
    assert "INFO success: steady entered RUNNING state" in box.logs()
    box.container.stop(timeout=20)
    assert box.state["ExitCode"] == 0, box.logs()


@pytest.mark.parametrize("before", [[], ["/bin/sh", "-c"]], ids=["list", "line"])
def test_an_image_whose_command_is_supervisord_has_one_pid_1(boxes, images, before):
    words = ["supervisord", "-n", "-c", "/etc/supervisord.conf"]
    words = [*before, " ".join(words)] if before else words
    box = boxes.run(images["default"], *words, files=FILES)
    settled(box)
    assert supervisorctl(box, "pid") == (0, "1\n")
    assert "steady" in box.run("pyinitctl", "status")[1]
    box.container.stop(timeout=20)
    assert box.state["ExitCode"] == 0, box.logs()


@pytest.mark.parametrize("target", ["debian", "default"])
def test_everything_the_gateway_serves_is_in_the_image(boxes, images, target):
    box = start(boxes, images[target])
    settled(box)
    for path in PAGES:
        status, body = ask(box, path)
        assert status == 200, (path, body, box.logs())
        assert body, path
    assert ask(box, "/", "admin:wrong")[0] == 401
    assert ask(box, "/nowhere")[0] == 404
    assert "hello &lt;b&gt;" in ask(box, "/tail.html?processname=steady")[1]
    assert call(box, "getSupervisorVersion").startswith("4.")
    assert [each["name"] for each in call(box, "getAllProcessInfo")] == [
        *("pair_00", "pair_01", "steady"),
    ]
    assert call(box, "stopProcess", "steady") is True
    assert call(box, "getProcessInfo", "steady")["statename"] == "STOPPED"
    owners = box.run(*PYTHON, GATEWAY_OWNER)
    assert owners == (0, "65531\n"), "the gateway is nobody's user but its own"


GATEWAY_OWNER = """
import os
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid():
        try:
            words = open(f"/proc/{name}/cmdline").read()
        except OSError:
            continue
        if "pyinit.web" in words:
            print(os.stat(f"/proc/{name}").st_uid)
"""


def test_without_the_gateway_its_doors_stay_closed_and_that_is_said(boxes, images):
    box = start(boxes, images["core"])
    settled(box)
    assert "the web gateway is not installed" in box.logs()
    code, output = box.run(*PYTHON, ASK, "/ok.html", "", "")
    assert code != 0
    assert "ConnectionRefusedError" in output


@pytest.mark.parametrize("restriction", sorted(RESTRICTIONS))
def test_the_gateway_serves_under(boxes, image, restriction):
    options = RESTRICTIONS[restriction]
    if options.get("read_only") and "/tmp" not in options.get("tmpfs", {}):
        options = {**options, "tmpfs": {"/tmp": "mode=1777"}}
    box = start(boxes, image, **options)
    settled(box)
    assert ask(box, "/ok.html") == (200, "OK")
    assert supervisorctl(box, "-s", "http://127.0.0.1:9001", *LOGIN, "stop", "steady") == (
        0,
        "steady: stopped\n",
    )
    box.container.stop(timeout=20)
    assert box.state["ExitCode"] == 0, box.logs()


LOGIN = ("-u", "admin", "-p", "secret word")
