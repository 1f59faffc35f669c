"""A pyinit that becomes another user tells of its own files that this user may not read."""

import os
import subprocess
import sys

import pytest
from boxed import ROOT

OTHER = 65534
CODE = """\
import os, sys
sys.path.insert(0, sys.argv[1])
import pyinit, encodings
from pyinit.core.plan import InitPlan
from pyinit.runtime import footing
own = []
class Log:
    def warning(self, text):
        own.append(text)
class Machine:
    log = Log()
    class options:
        handed = ()
pyinit.__file__ = encodings.__file__ = sys.argv[2]
footing.become_user(InitPlan(uid=int(sys.argv[3])))
footing.take_rest(Machine)
print("fcntl" in sys.modules, os.getuid(), *own)
"""
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user: needs root")


def told(file, uid=OTHER):
    words = [sys.executable, "-I", "-c", CODE, str(ROOT), str(file), str(uid)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def test_what_may_not_be_read_is_told_with_the_way_out(tmp_path):
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "__init__.py").write_text("")
    said = told(hidden / "__init__.py")
    assert said.startswith(f'True {OTHER} user {OTHER} may not read "{hidden}"')
    assert "install pyinit and its Python where that user may read them" in said


def test_there_is_nothing_to_tell_where_all_may_be_read(tmp_path):
    assert told("/etc/passwd") == f"True {OTHER}\n"


def test_root_may_read_everything(tmp_path):
    assert told(tmp_path / "none", 0) == "True 0\n"
