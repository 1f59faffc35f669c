"""Log files on the real kernel: rotation, owners, trouble with disks and directories, traps."""

import gzip
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from boxed import ORDINARY, Box, eventually, needs_root

NUMBERS = """
import os, sys, time
for n in range({count}):
    os.write(1, b'%08d\\n' % n)
    if n % {pause_every} == 0: time.sleep(0.001)
{then}
"""
FOREVER = "time.sleep(600)"


def numbers(count, then="", pause_every=100):
    """Return the words of a program that prints 00000000, 00000001 ... and then does `then`."""
    code = NUMBERS.format(count=count, then=then, pause_every=pause_every)
    return json.dumps([sys.executable, "-I", "-S", "-c", code])


def once(name, words, stdout, more=""):
    return (
        f'[program.{name}]\ntype = "oneshot"\nrestart = "never"\ncommand = {words}\n'
        f"stdout = {stdout}\n{more}\n"
    )


def service(name, words, stdout, more=""):
    return f"[program.{name}]\ncommand = {words}\nstdout = {stdout}\n{more}\n"


def talker(name, stdout, more=""):
    """A program that prints a line as soon as a file of its name appears, and removes that."""
    script = (
        f"n=0; while true; do if rm PLACE/{name} 2>/dev/null; then n=$((n+1)); echo line $n; fi;"
        " sleep 0.02; done"
    )
    return service(name, json.dumps(["sh", "-c", script]), stdout, more)


class Talk:
    """Makes a talker speak."""

    def __init__(self, place):
        self.place = place

    def config(self, text):
        return text.replace("PLACE", str(self.place))

    def say(self, name):
        (self.place / name).touch()
        eventually(lambda: not (self.place / name).exists())


@pytest.fixture
def talk(tmp_path):
    place = tmp_path / "talk"
    place.mkdir()
    return Talk(place)


def read_rotated(path):
    """Return the bytes of a log and everything that was rotated away, oldest first."""
    found = []
    for each in path.parent.iterdir():
        match = re.fullmatch(re.escape(path.name) + r"(?:\.(\d+))?(\.gz)?", each.name)
        if match:
            data = each.read_bytes()
            found.append((int(match[1] or 0), gzip.decompress(data) if match[2] else data))
    return [data for _, data in sorted(found, reverse=True)]


@pytest.mark.parametrize("compress", ["false", "true"])
def test_nothing_is_lost_or_cut_at_a_rotation(tmp_path, compress):
    path = tmp_path / "log"
    sink = f'{{ file = "{path}", max_size = "20KB", max_files = 100, compress = {compress} }}'
    with Box(once("a", numbers(40_000), sink) + service("b", '["sleep", "600"]', '"null"')) as box:
        box.wait_state("a", "EXITED")
        if compress == "true":
            eventually(
                lambda: {each.suffix for each in tmp_path.iterdir()} == {"", ".gz"}, within_s=30
            )
        parts = read_rotated(path)
        assert b"".join(parts) == b"".join(b"%08d\n" % n for n in range(40_000))
        assert len(parts) > 10
        assert all(len(part) <= 20 * 1024 and part.endswith(b"\n") for part in parts)


def test_only_so_many_old_files_are_kept(tmp_path):
    path = tmp_path / "log"
    sink = f'{{ file = "{path}", max_size = "10KB", max_files = 2 }}'
    with Box(once("a", numbers(20_000), sink)) as box:
        assert box.wait() == 0
    assert sorted(os.listdir(tmp_path)) == ["log", "log.1", "log.2"]
    told = b"".join(read_rotated(path))
    assert told.endswith(b"00019999\n")
    assert told == b"".join(b"%08d\n" % n for n in range(20_000))[-len(told) :]


@needs_root
def test_a_log_file_has_the_owner_and_the_mode_it_was_given(tmp_path):
    path = tmp_path / "deep" / "er" / "log"
    sink = f'{{ file = "{path}", owner = "12345:54321", mode = "0640", max_size = "1KB", max_files = 1 }}'
    with Box(once("a", numbers(300), sink)) as box:
        assert box.wait() == 0, box.err
    for each in (path, path.with_name("log.1")):
        found = each.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 54321, 0o640)


def test_two_programs_in_one_file_never_mix_their_lines(tmp_path):
    path = tmp_path / "log"
    code = (
        "import os, sys\nfor n in range(20000): os.write(1, b'%s %06d ' % (sys.argv[1].encode(), n));"
        "os.write(1, b'x' * (n % 90) + b'\\n')"
    )
    config = ""
    for name in ("a", "b"):
        words = json.dumps([sys.executable, "-I", "-S", "-c", code, name])
        config += once(name, words, f'{{ file = "{path}", max_size = "300KB", max_files = 50 }}')
    with Box(config) as box:
        assert box.wait() == 0
    lines = b"".join(read_rotated(path)).decode().splitlines()
    for name in ("a", "b"):
        wanted = [f"{name} {n:06d} " + "x" * (n % 90) for n in range(20000)]
        assert [line for line in lines if line.startswith(name)] == wanted
    assert len(lines) == 40_000


def test_usr1_opens_a_file_anew_that_was_moved_away(tmp_path, talk):
    path = tmp_path / "log"
    own = tmp_path / "own"
    config = f'[init]\nlog = {{ file = "{own}" }}\n' + talker("a", f'{{ file = "{path}" }}')
    with Box(talk.config(config)) as box:
        talk.say("a")
        eventually(lambda: path.exists() and path.read_bytes() == b"line 1\n")
        path.rename(tmp_path / "moved")
        own.rename(tmp_path / "own.moved")
        talk.say("a")
        eventually(lambda: (tmp_path / "moved").read_bytes() == b"line 1\nline 2\n")
        box.send("USR1")
        eventually(lambda: own.exists() and "log files reopened" in own.read_text())
        talk.say("a")
        eventually(lambda: path.exists() and path.read_bytes() == b"line 3\n")
        assert "a: started" in (tmp_path / "own.moved").read_text()
        assert box.err == "", "all of our own messages go to the file"


@pytest.mark.parametrize(
    ("style", "like"),
    [
        ("text", r"\d{4}-\d\d-\d\dT[\d:.]+Z pyinit info: a: started, pid \d+"),
        (
            "json",
            r'\{"time":"[^"]+","level":"info","source":"pyinit","message":"a: started, pid \d+"\}',
        ),
        ("supervisord", r"\d{4}-\d\d-\d\d [\d:]{8},\d{3} INFO supervisord started with pid \d+"),
    ],
)
def test_pyinits_own_log_file_has_the_format_it_was_given(tmp_path, style, like):
    own = tmp_path / "own.log"
    config = f'[init]\nlog = {{ file = "{own}", format = "{style}" }}\n'
    with Box(config + once("a", '["true"]', '"inherit"')) as box:
        assert box.wait() == 0
    assert re.fullmatch(like, own.read_text().splitlines()[0])


def test_a_file_that_was_removed_comes_again_with_its_directory(tmp_path, talk):
    path = tmp_path / "sub" / "log"
    with Box(talk.config(talker("a", f'{{ file = "{path}" }}'))):
        talk.say("a")
        eventually(path.exists)
        path.unlink()
        path.parent.rmdir()
        talk.say("a")
        eventually(lambda: path.exists() and path.read_bytes() == b"line 2\n")


def test_a_file_that_was_emptied_is_not_rotated_too_early(tmp_path, talk):
    path = tmp_path / "log"
    with Box(talk.config(talker("a", f'{{ file = "{path}", max_size = "20" }}'))):
        for _ in range(2):
            talk.say("a")
        eventually(lambda: path.exists() and path.read_bytes() == b"line 1\nline 2\n")
        os.truncate(path, 0)
        for _ in range(2):
            talk.say("a")
        eventually(lambda: path.read_bytes() == b"line 3\nline 4\n")
        assert os.listdir(tmp_path / "talk") == []
        assert not path.with_name("log.1").exists()


def test_a_directory_that_cannot_be_made_keeps_no_program_from_running(tmp_path, talk):
    (tmp_path / "file").write_bytes(b"not a directory")
    path = tmp_path / "file" / "log"
    with Box(talk.config(talker("a", f'{{ file = "{path}" }}'))) as box:
        talk.say("a")
        box.until(f'cannot write "{path}": Not a directory')
        assert box.err.count("cannot write") == 1
        (tmp_path / "file").unlink()
        box.until(f'writing "{path}" again')
        assert path.read_bytes() == b"line 1\n"


def in_tmpfs(place, size):
    """Return the words that run pyinit in a mount namespace with a tiny file system at `place`."""
    script = f'mount -t tmpfs -o size={size} tmpfs {place} && exec "$@"'
    return ["unshare", "-m", "sh", "-c", script, "sh"]


@needs_root
def test_a_full_disk_stops_nobody_and_what_was_kept_is_written_when_there_is_room(tmp_path):
    mount = tmp_path / "mnt"
    mount.mkdir()
    sink = f'{{ file = "{mount}/log", max_size = 0 }}'
    # 40 KB fit, 450 KB are kept in memory
    config = service("a", numbers(50_000, FOREVER), sink) + service(
        "b", '["sleep", "600"]', '"inherit"'
    )
    with Box(config, inside=in_tmpfs(mount, "64k")) as box:
        box.until("No space left on device")
        inside = Path(f"/proc/{box.pid}/root{mount}")
        eventually(
            lambda: (
                box.call("logs", {"names": ["a"], "lines": 1})["processes"][0]["text"]
                == "00049999\n"
            )
        )
        assert box.ctl("restart", "b").returncode == 0
        assert (inside / "log").stat().st_size <= 65536
        box_mount(box, mount, "8m")
        box.until("writing")
        assert (inside / "log").read_bytes() == b"".join(b"%08d\n" % n for n in range(50_000))
        assert "lost" not in box.err
        assert box.err.count("cannot write") == 1


@needs_root
def test_what_a_full_disk_costs_is_counted_and_said_once(tmp_path):
    mount = tmp_path / "mnt"
    mount.mkdir()
    config = service(
        "a", numbers(300_000, FOREVER, 5000), f'{{ file = "{mount}/log", max_size = 0 }}'
    )
    with Box(config, inside=in_tmpfs(mount, "64k")) as box:
        box.until("No space left on device")
        eventually(
            lambda: (
                box.call("logs", {"names": ["a"], "lines": 1})["processes"][0]["text"]
                == "00299999\n"
            ),
            within_s=30,
        )
        inside = Path(f"/proc/{box.pid}/root{mount}/log")
        box_mount(box, mount, "16m")
        said = box.until("bytes were lost")
        written = inside.stat().st_size
        (lost,) = re.findall(r"again; (\d+) bytes were lost", said)
        assert written + int(lost) == 300_000 * 9
        assert inside.read_bytes()[: 100_000 * 9] == b"".join(b"%08d\n" % n for n in range(100_000))


def box_mount(box, mount, size):
    """Give the file system of a box another size."""
    words = ["nsenter", "-t", str(box.pid), "-m", "mount", "-o", f"remount,size={size}", mount]
    subprocess.run(words, check=True)


@needs_root
def test_a_read_only_directory_stops_nobody(tmp_path):
    mount = tmp_path / "mnt"
    mount.mkdir()
    script = f'mount -t tmpfs -o ro tmpfs {mount} && exec "$@"'
    config = service("a", numbers(10, FOREVER), f'{{ file = "{mount}/log" }}')
    with Box(config, inside=["unshare", "-m", "sh", "-c", script, "sh"]) as box:
        box.until("Read-only file system")
        assert box.wait_state("a", "RUNNING")["restarts"] == 0
        assert box.ctl("stop", "a").returncode == 0


@needs_root
def test_a_directory_that_turned_read_only_lets_the_file_grow_instead_of_rotating():
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        place = Path(top, "logs")
        talk = Talk(Path(top, "talk"))
        for each in (place, talk.place):
            each.mkdir()
            each.chmod(0o777)
        path = place / "log"
        config = talker("a", f'{{ file = "{path}", max_size = "10" }}')
        with Box(talk.config(config), uid=ORDINARY) as box:
            talk.say("a")
            eventually(path.exists)
            place.chmod(0o755)
            talk.say("a")
            talk.say("a")
            box.until(f'cannot rotate "{path}": Permission denied')
            eventually(lambda: path.read_bytes() == b"line 1\nline 2\nline 3\n")
            place.chmod(0o777)

            def rotates():
                talk.say("a")
                return (place / "log.1").exists()

            eventually(rotates, every_s=0.2)


def test_dev_full_is_told_and_never_rotated():
    with Box(
        service("a", numbers(5000, FOREVER), '{ file = "/dev/full", max_size = "1KB" }')
    ) as box:
        box.until('cannot write "/dev/full": No space left on device')
        box.wait_state("a", "RUNNING")
        assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
        assert not Path("/dev/full.1").exists()


def test_a_fifo_without_a_reader_blocks_nobody_and_gets_everything_once_there_is_one(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    config = service("a", numbers(20_000, FOREVER), f'{{ file = "{fifo}", max_size = "1KB" }}')
    with Box(config) as box:
        box.until(f'cannot write "{fifo}"')
        eventually(
            lambda: (
                box.call("logs", {"names": ["a"], "lines": 1})["processes"][0]["text"]
                == "00019999\n"
            )
        )
        wanted = b"".join(b"%08d\n" % n for n in range(20_000))
        said = b""
        with fifo.open("rb", buffering=0) as file:
            while len(said) < len(wanted):
                said += file.read(4096)
        assert said == wanted
        assert os.listdir(tmp_path) == ["fifo"]


@needs_root
@pytest.mark.parametrize("where", ["file", "directory"])
def test_root_follows_no_link_that_another_user_has_made(tmp_path, where):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "log").write_bytes(b"keep me")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    if where == "file":
        (theirs / "log").symlink_to(precious / "log")
        path = theirs / "log"
    else:
        (theirs / "logs").symlink_to(precious)
        path = theirs / "logs" / "log"
    os.chown(theirs, ORDINARY, ORDINARY)
    for each in theirs.iterdir():
        os.chown(each, ORDINARY, ORDINARY, follow_symlinks=False)
    with Box(
        service("a", numbers(500, FOREVER), f'{{ file = "{path}", max_size = "1KB" }}')
    ) as box:
        box.until("a symbolic link made by another user")
        box.wait_state("a", "RUNNING")
    assert (precious / "log").read_bytes() == b"keep me"
    assert os.listdir(precious) == ["log"]


def test_a_link_of_ones_own_is_followed_to_where_it_leads(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to("real")
    (real / "log").symlink_to("log.today")
    (tmp_path / "console").symlink_to("/dev/stdout")
    config = once("a", '["echo", "to a file"]', f'{{ file = "{tmp_path}/link/log" }}')
    config += once("b", '["echo", "to the console"]', f'{{ file = "{tmp_path}/console" }}')
    with Box(config) as box:
        assert box.wait() == 0
        assert box.out == "to the console\n"
    assert (real / "log.today").read_bytes() == b"to a file\n"


def test_links_that_lead_in_a_circle_are_told(tmp_path):
    (tmp_path / "log").symlink_to("log")
    with Box(service("a", numbers(5, FOREVER), f'{{ file = "{tmp_path}/log" }}')) as box:
        box.until("Too many levels of symbolic links")
