"""What a program prints, any bytes in any pieces: they arrive as documented, wherever one looks."""

import html.parser
import http.client
import json
import marshal
import subprocess
import xmlrpc.client
from urllib.parse import quote

import pytest
from boxed import Box, program, python, start_words
from control_raw import assert_unharmed
from doors import free_port
from fuzzing import TIMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

MANY = settings(
    max_examples=10 * TIMES,
    deadline=None,
    derandomize=TIMES == 1,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
LINE_BYTES = 16 * 1024
RING_BYTES = 64 * 1024
TALK = """
import marshal, os, sys, time
for stream, data, pause in marshal.loads(open(sys.argv[1], "rb").read()):
    view = memoryview(data)
    while view:
        view = view[os.write(stream, view):]
    if pause:
        time.sleep(0.003)
"""
NASTY = [
    *(
        b"\n",
        b"\r\n",
        b"\r",
        b"\0",
        b"\xff",
        b"\xe2\x82",
        b"\xac",
        "é😀\u2028\u2029\ufeff".encode(),
    ),
    *(b"\x1b[31m", b"\x1b]0;title\x07", b"\x1b[2J\x1b[H", b"\x1bP", b"\x9b1m", b"\x7f\x08\x0b\x0c"),
    *(
        b"</pre><script>alert(1)</script>",
        b"&lt;&#0;",
        b"]]>",
        b"<!--",
        b"\n\ndata: x\n\nevent: y\n",
    ),
    *(b'{"time": 1}\n', b"talk | ", b"\\", b'"', b"==> other <==\n", b"<!--XSUPERVISOR:BEGIN-->"),
    *(b"x" * 5000, b"y" * LINE_BYTES, "ä".encode() * 9000, b"z" * 300_000, b"\n" * 70_000),
    *(b"2026-01-01T00:00:00.000Z pyinit error: web: gave up\n", b"\xed\xa0\x80", b"\xc0\x80"),
]
CHUNKS = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 2]),
        st.sampled_from(NASTY) | st.binary(max_size=40),
        st.sampled_from([False, False, True]),
    ),
    max_size=8,
)


class Talking:
    """A box with a program that prints what it is told into files of every form, and a web door."""

    def __init__(self, place):
        self.place = place
        self.port = free_port()
        sinks = [{"file": str(place / "raw"), "max_size": 0}]
        sinks += [
            {"file": str(place / form), "format": form, "max_size": 0}
            for form in ("prefix", "json", "tai64n")
        ]
        keys = {"stdout": sinks, "stderr": {"file": str(place / "err"), "max_size": 0}}
        keys |= {"type": "oneshot", "restart": "never", "autostart": False}
        words = python(TALK, str(place / "said"))
        door = f'[init]\nexit = "never"\n[web]\nlisten = "127.0.0.1:{self.port}"\n'
        self.box = Box(door + program("talk", *words, **keys))
        self.all = b""

    def say(self, chunks):
        """Have the program print chunks; return what each file has more than before."""
        forms = ("raw", "prefix", "json", "tai64n", "err")
        before = {form: self.size(form) for form in forms}
        (self.place / "said").write_bytes(marshal.dumps(chunks))
        self.box.call("start", {"names": ["talk"]})
        self.box.wait_state("talk", "EXITED")
        self.all += b"".join([data for stream, data, _ in chunks if stream == 1])
        return {
            form: (self.place / form).read_bytes()[before[form] :] if self.size(form) else b""
            for form in forms
        }

    def forget(self):
        """Empty every log."""
        self.box.call("clear-log", {"names": ["talk"]})
        self.all = b""

    def size(self, form):
        path = self.place / form
        return path.stat().st_size if path.exists() else 0

    def get(self, path):
        """Return (headers, body) of what the gateway answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200
            return dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def talking(tmp_path_factory):
    made = Talking(tmp_path_factory.mktemp("talking"))
    with made.box as box:
        box.wait_socket()
        yield made
        assert_unharmed(box)
        assert "Traceback" not in box.err
        assert "cannot answer" not in box.err


def assert_in_parts(found, data):
    """Assert that lines are those of `data`, long ones in parts that are as long as may be."""
    wanted = data.split(b"\n")
    wanted = wanted[:-1] if not wanted[-1] else wanted
    left = iter(found)
    for line in wanted:
        rest, part = line, next(left)
        while part != rest:
            assert rest.startswith(part), (part[:60], rest[:60])
            assert LINE_BYTES - 3 <= len(part) <= LINE_BYTES
            rest, part = rest[len(part) :], next(left)
        assert len(part) <= LINE_BYTES
    assert list(left) == []


@MANY
@given(CHUNKS)
@example([(1, b"\n", False), (1, b"\n", True), (2, b"\n", False)])
@example(
    [(1, b"y" * LINE_BYTES, True), (1, b"\n", False), (1, b"\xe2", True), (1, b"\x82\xac", False)]
)
@example([(1, b"".join([bytes([n]) for n in range(256)]) * 5000, False), (2, b"\0", False)])
@example([(1, b"no end " * 500_000, False), (2, b"no end", False)])
def test_any_bytes_in_any_pieces_arrive_in_every_form(talking, chunks):
    found = talking.say(chunks)
    said = b"".join([data for stream, data, _ in chunks if stream == 1])
    assert found["raw"] == said
    assert found["err"] == b"".join([data for stream, data, _ in chunks if stream == 2])
    assert not found["prefix"] or found["prefix"].endswith(b"\n")
    lines = found["prefix"].split(b"\n")[:-1]
    assert {line[:7] for line in lines} <= {b"talk | "}
    parts = [line[7:] for line in lines]
    assert_in_parts(parts, said)
    stamped = found["tai64n"].split(b"\n")[:-1]
    assert {line[:1] + line[25:26] for line in stamped} <= {b"@ "}
    assert [line[26:] for line in stamped] == parts
    entries = [json.loads(line) for line in found["json"].split(b"\n")[:-1]]
    assert [each["message"] for each in entries] == [
        part.decode("utf-8", "replace") for part in parts
    ]
    assert {each["program"] for each in entries} <= {"talk"}


class Page(html.parser.HTMLParser):
    """Collects the text of the log on a page, and every tag that is within it."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.within = False
        self.log = ""
        self.tags = []
        self.scripts = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if self.within:
            self.tags.append(tag)
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))
        self.within = self.within or (tag, ("id", "log")) in [(tag, each) for each in attrs]

    def handle_endtag(self, tag):
        self.within = self.within and tag != "pre"

    def handle_data(self, data):
        if self.within:
            self.log += data


@MANY
@given(CHUNKS.filter(lambda chunks: sum(len(data) for _, data, _ in chunks) < 200_000))
@example([(1, data, False) for data in NASTY if len(data) < 100])
def test_any_bytes_are_shown_by_every_way_to_look_at_them(talking, chunks):
    talking.forget()
    talking.say(chunks)
    raw = (talking.place / "raw").read_bytes()
    assert raw == talking.all
    server = xmlrpc.client.ServerProxy(f"http://127.0.0.1:{talking.port}/RPC2")
    with server("close") and server as asked:
        tail, size, more = asked.supervisor.tailProcessStdoutLog("talk", 0, 3000)
        assert (size, more) == (len(raw), len(raw) > 3000)
        read = asked.supervisor.readProcessStdoutLog("talk", -3000, 0)
        assert (
            as_xml_has_it(read)
            == as_xml_has_it(raw[-3000:].decode("utf-8", "replace"))
            == (as_xml_has_it(tail))
        )
    for stream in ("stdout", "both"):
        headers, body = talking.get(f"/tail.html?processname=talk&stream={stream}&limit=20000")
        page = Page(body.decode())
        assert page.tags == []
        assert len(page.scripts) == 1
        assert not [each for each in page.log if each < " " and each not in "\n\t"]
        assert "default-src 'none'" in headers["content-security-policy"]
    _, file = talking.get("/output.txt?processname=talk&stream=stdout")
    assert file == raw
    told = talking.box.call("logs", {"names": ["talk"], "stream": "stdout"})["processes"][0]["text"]
    kept = told.encode("utf-8", "surrogateescape")
    assert talking.all.endswith(kept)
    assert kept.endswith(last_line(talking.all)[-RING_BYTES // 4 :])


def last_line(data):
    return data[data.rfind(b"\n", 0, max(0, len(data) - 1)) + 1 :]


def as_xml_has_it(text):
    """Return a text as it comes through XML: one kind of line end, and no control characters."""
    shown = "".join([each if each in "\t\n\r" or each >= " " else "\ufffd" for each in text])
    for each in ("\ufffe", "\uffff"):
        shown = shown.replace(each, "\ufffd")
    return shown.replace("\r\n", "\n").replace("\r", "\n")


def test_who_follows_has_the_very_bytes_and_no_event_can_be_made_up(talking):
    """As they come, by pyinitctl and by the endless tail; the page's stream is lines of JSON."""
    said = b"".join([data for data in NASTY if len(data) < 100]) + b"\nthe end\n"
    talking.forget()
    talking.say([(1, b"begun\n", False)])
    follower = subprocess.Popen(
        [*start_words("ctl"), "-s", talking.box.socket, "logs", "-f", "-n", "1", "talk"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    connections = [http.client.HTTPConnection("127.0.0.1", talking.port, timeout=60) for _ in "12"]
    try:
        connections[0].request("GET", f"/logtail/{quote('talk:talk')}/stdout")
        connections[1].request("GET", "/follow?processname=talk&stream=stdout")
        tail, page = [each.getresponse() for each in connections]
        assert follower.stdout.readline() == b"begun\n"
        assert until(tail, b"begun\n").endswith(b"begun\n")
        lines = iter(page.readline, b"")
        assert any(b"begun" in line for line in lines)
        talking.say([(1, said[at : at + 7], False) for at in range(0, len(said), 7)])
        assert until(follower.stdout, b"the end\n") == said
        assert until(tail, b"the end\n") == said
        shown = ""
        while not shown.endswith("the end\n"):
            kind, _, data = next(lines).partition(b": ")
            assert kind in {b"event", b"data", b"retry", b"", b"\n"}
            if kind == b"data":
                shown += json.loads(data).get("text", "")
        assert shown == said.decode("utf-8", "replace")
    finally:
        for each in connections:
            each.close()
        follower.kill()
        follower.wait()
        follower.stdout.close()


def until(file, end):
    """Return what comes up to `end`."""
    said = b""
    while not said.endswith(end):
        part = file.read(1)
        assert part, said
        said += part
    return said
