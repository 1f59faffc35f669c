"""A FastCGI program of a supervisord file runs on after its conversion, with its socket."""

import os
import sys

from boxed import Box, eventually
from listening import ask, free_port

from pyinit.config.ini_convert import convert

SERVER = """
import os, socket
listener = socket.socket(fileno=0)
while True:
    client, _ = listener.accept()
    client.recv(100)
    client.sendall(f"{os.getpid()} {os.environ.get('LISTEN_FDS', 'none')}".encode())
    client.close()
"""


def test_a_converted_program_has_its_socket_as_descriptor_0(tmp_path):
    port = free_port()
    (tmp_path / "server.py").write_text(SERVER)
    conf = tmp_path / "supervisord.conf"
    conf.write_text(
        f"[supervisord]\n[fcgi-program:app]\ncommand={sys.executable} {tmp_path}/server.py\n"
        f"socket=tcp://127.0.0.1:{port}\nnumprocs=2\nprocess_name=app%(process_num)d\n"
    )
    with Box(convert([str(conf)], dict(os.environ)).text) as box:
        pids = {str(box.wait_state(f"app:{n}", "RUNNING")["pid"]) for n in (0, 1)}
        pid, listen_fds = ask(port)
        assert pid in pids
        assert listen_fds == "none"
        assert box.ctl("restart", "all").returncode == 0
        assert eventually(lambda: ask(port)[0] not in pids)
