"""What a rolling restart does to what runs have said, stored, and are run with."""

import os

from boxed import Box, eventually
from notifying import speaker

CODE = r"""
listener = socket.socket(fileno=3)
names = os.environ["LISTEN_FDNAMES"].split(":")
say("names", os.environ["LISTEN_FDNAMES"])
if "words" not in names:
    tell("FDSTORE=1\nFDNAME=words", os.memfd_create("words"))
signal.signal(signal.SIGTERM, lambda *_: (tell("STATUS=going"), barrier(), os._exit(0)))
signal.signal(signal.SIGUSR1, lambda *_: (tell("STATUS=asked"), None))
tell(f"STATUS=as {os.getpid()}\nREADY=1")
wait()
"""


def test_a_rolling_restart_takes_all_of_it_along():
    hooks = {
        kind: ["sh", "-c", "echo $PYINIT_HOOK of $PYINIT_PROCESS"]
        for kind in ("pre_start", "post_start", "pre_stop", "post_stop")
    }
    keys = {"sockets": ["here"], "hooks": hooks}
    text = '[socket.here]\nlisten = "unix:PLACE/here.sock"\n'
    with Box(text.replace("PLACE", "${PYINIT_BOX}") + speaker(CODE, **keys)) as box:
        before = box.wait_state("web", "RUNNING")["pid"]
        eventually(lambda: box.status()["web"].get("stored_fds") == ["words"])
        for turn in (1, 2):
            done = box.ctl("restart", "--rolling", "web")
            assert done.returncode == 0, done.stderr
            after = eventually(
                lambda: (
                    (web := box.status()["web"]).get("status_text") == f"as {web['pid']}" and web
                )
            )
            assert after["pid"] != before
            assert after["stored_fds"] == ["words"]
            before = after["pid"]
            eventually(lambda turn=turn: box.out.count("post_stop of web") == turn)
        assert box.out.count("names here:words") == 2
        assert box.out.count("pre_start of web\n") == 3
        eventually(lambda: box.out.count("post_start of web") == 3)
        assert box.out.count("pre_stop of web") == 2
        box.call("reexec")
        shown = eventually(lambda: box.status()["web"])
        assert shown["status_text"] == f"as {shown['pid']}"
        box.send("TERM")
        assert box.wait() == 0
        assert not os.path.exists(box.socket)
