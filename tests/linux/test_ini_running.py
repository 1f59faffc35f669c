"""A .conf as images have it, run by pyinit as PID 1: what it says is what happens."""

import os

import pytest
from supervised import Side, eventually

pytestmark = pytest.mark.root

CONF = """\
# the configuration of a container, as it has grown
[unix_http_server]
file=%(here)s/sup.sock   ; (the path to the socket file)
chmod=0777               ; everybody
chown=root:root          # who owns it

[inet_http_server]
port=9001 ; on every interface
username=admin # the one who may
password=door-secret

[supervisord]
logfile=%(here)s/var/log/supervisord/sup.log ; its directory is missing
pidfile=%(here)s/run/deep/sup.pid
childlogdir=%(here)s/var/log/children
minfds=4321
minprocs=200 # at least
user=root
nodaemon=true
environment=ROLE="%(ENV_ROLE:-none)s"

; the methods
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://%(here)s/sup.sock ; a comment
username=admin
password=door-secret

[program:service]
command=/bin/sh -c "ulimit -Sn; echo $ROLE $SUPERVISOR_PROCESS_NAME; echo err >&2; exec sleep 600"
autostart=true
startsecs=1     ; must stay up so long
user=root
redirect_stderr=true
stdout_logfile=%(here)s/var/log/service.log
# and one with AUTO files
[program:auto]
command=/bin/sh -c "echo of auto; exec sleep 600"
"""


FEW = ("sh", "-c", 'ulimit -Sn 1000; exec "$@"', "sh")  # descriptors, less than it wants


@pytest.fixture
def side():
    with Side("pyinit", CONF, network=True, env={"ROLE": "web"}, within=FEW, wait=False) as found:
        found.wait_state("service", "RUNNING")
        found.wait_state("auto", "RUNNING")
        yield found


def test_it_runs_unchanged(side):
    eventually(lambda: side.read("var/log/service.log").count("\n") == 3)
    assert side.read("var/log/service.log") == "4321\nweb service\nerr\n"
    assert "mode 0777 lets every user of this machine control all programs" in side.out
    assert "door-secret" not in side.out + side.err + side.read("var/log/supervisord/sup.log")
    assert "supervisord started with pid" in side.read("var/log/supervisord/sup.log")
    assert side.read("run/deep/sup.pid") == "1\n"


def test_auto_files_are_in_the_directory_for_them_which_was_missing(side):
    children = side.place / "var" / "log" / "children"
    (name,) = [name for name in os.listdir(children) if name.startswith("auto-stdout---")]
    assert eventually((children / name).read_text) == "of auto\n"


def test_its_doors_are_where_it_says(side):
    found = os.stat(side.place / "sup.sock")
    assert (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o777, 0, 0)
    assert "00000000:2329 " in side.run("cat", "/proc/net/tcp").stdout  # 9001, everywhere
