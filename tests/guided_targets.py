"""What is fuzzed with the coverage to guide it: a function of bytes for each thing that is read.

    TARGETS["notify"](data)        # raises if a promise is broken, whatever the data are

`SEEDS` are inputs that get somewhere, and those that have found something; `WORDS` are what a
mutation may put in.  tests/guided.py runs them; the tests that run everywhere try each for a moment.
"""

import functools
import json
import marshal
import os
import re
import tempfile
from pathlib import Path

from pyinit.config import cron, envfiles, expand, program_probes, program_schedule, schema, split
from pyinit.config.compile import compile_plain
from pyinit.config.problems import ValueFault
from pyinit.core.plan import Plan, plan_kinds
from pyinit.core.record import from_plain
from pyinit.logs.ansi import Ansi
from pyinit.logs.lines import MAX_LINE_BYTES, Lines
from pyinit.logs.tokens import Capture
from pyinit.protocol import listener, notify, wire
from pyinit.protocol.messages import EXIT_CODES, VERBS, Refused, read_request
from pyinit.runtime import matching
from pyinit.web import wording

ENVIRON = {"PATH": "/bin", "HOME": "/root", "A": "value", "EMPTY": "", "N": "3"}
NOW = 1_790_000_000.0
FRAME_BYTES = 4096


@functools.cache
def place():
    """Return a directory in memory for the files of this process."""
    return Path(tempfile.mkdtemp(prefix="pyinit-guided-"))


def in_pieces(data):
    """Return the same data in pieces: the first byte says where it is cut."""
    if not data:
        return b"", []
    step, rest = data[0] % 16 + 1, data[1:]
    return rest, [rest[at : at + step] for at in range(0, len(rest), step)]


def control(data):
    """Frames come in pieces; each is a request, or refused with a reason and a way out."""
    whole, pieces = in_pieces(data)
    taken = [list(_taken(parts)) for parts in ([whole], pieces)]
    assert taken[0] == taken[1]
    for line in taken[0]:
        try:
            frame = wire.decode(line)
        except wire.FrameError as error:
            assert str(error).startswith("cannot read a frame: ")
            continue
        assert json.loads(line) == frame
        assert wire.decode(wire.encode(frame)[:-1]) == frame
        try:
            request = read_request(frame)
        except Refused as refused:
            assert refused.code in EXIT_CODES
            assert "\n  " in refused.message
            continue
        assert request.verb in VERBS
        assert request.args.keys() <= VERBS[request.verb].args.keys()


def _taken(parts):
    frames = wire.Frames(FRAME_BYTES)
    try:
        for part in parts:
            frames.feed(part)
            while (line := frames.take()) is not None:
                yield line
    except wire.FrameError:
        yield b"too long"


def toml(data):
    """A configuration is a plan, or faults that have a place and a fix."""
    _compiled(data, "pyinit.toml")


def ini(data):
    """So is one of supervisord's; what is wrong there has a fix where there is one."""
    _compiled(data, "supervisord.conf")


def _compiled(data, name):
    path = place() / name
    path.write_bytes(data)
    kind, content = marshal.loads(compile_plain([str(path)], ENVIRON))
    if kind == "plan":
        assert isinstance(from_plain(content, plan_kinds()), Plan)
        return
    assert kind == "errors", content
    assert content
    for file, line, message, fix in content:
        assert file
        assert message
        assert line >= 0
        assert fix or name.endswith(".conf"), message


def listening(data):
    """What a listener says means the same in whatever pieces, and nothing is kept for ever."""
    whole, pieces = in_pieces(data)
    assert _heard([whole]) == _heard(pieces)
    now = listener.Listener()
    for piece in pieces:
        now, _ = listener.heard(now, piece)
        if now.state == listener.READY:
            now = listener.sent(now)
        assert len(now.rest) <= listener.RESULT_BYTES + 64
        assert now.length <= listener.RESULT_BYTES


def _heard(pieces):
    now, told = listener.Listener(), []
    for piece in pieces:
        now, news = listener.heard(now, piece)
        told += [each if isinstance(each, listener.Became) else type(each) for each in news]
    return now, told


def notified(data):
    """A datagram is heard as far as it makes sense, within bounds."""
    notice = notify.parse(data)
    assert len(notice.status or "") <= notify.STATUS_CHARS
    assert (notice.status or "").isprintable()
    for seconds in (notice.extend_s, notice.watchdog_s):
        assert 0 <= (seconds or 0) <= notify.LONGEST_S
    assert 0 <= notice.main_pid < 10**notify.DIGITS
    assert 0 < len(notice.fd_name) <= notify.NAME_CHARS
    assert notice.fd_name.isascii()
    assert notice.fd_name.isprintable()
    assert notify.NOBODY_NAMES not in notice.fd_name


def expression(data):
    """An expression of readiness is refused at load or can be searched for; a plain one as by re."""
    pattern, _, line = data.partition(b"\n")
    text = pattern.decode("utf-8", "surrogateescape")
    try:
        program_probes._expression(text)
    except ValueFault as fault:
        assert fault.fix
        return
    matches = matching.plain(pattern)
    if matches is not None and b"\n" not in line:
        assert matches(line) is (re.search(pattern, line) is not None)


def cron_line(data):
    """A cron line has times that come, one after the other, or is refused with a reason."""
    line, _, zone = data.decode("utf-8", "surrogateescape").partition("\n")
    try:
        times = cron.coming(line, zone[:40], NOW, 7200.0, 5)
        program_schedule._judge(line, zone[:40])
    except ValueFault as fault:
        assert str(fault)
        assert fault.fix
        return
    assert times == sorted(set(times))
    assert all(at > NOW for at in times)
    assert 1 <= len(times) <= 5


def env_file(data):
    """A file of variables is read, or refused at one of its lines, and what it holds not shown."""
    path = place() / "web.env"
    path.write_bytes(data)
    try:
        found = envfiles.env_file(str(path))
    except ValueFault as fault:
        where, _, reason = str(fault).removeprefix(f"{path}:").partition(": ")
        assert 1 <= int(where) <= data.count(b"\n") + 1
        assert reason.isprintable()
        assert fault.fix
        return
    for name, value in found.items():
        assert name
        assert not {"=", "\0"} & set(name)
        assert "\0" not in value
        os.fsencode(value)


def words(data):
    """Words and variables of a text are found, or refused with a way out."""
    text = data.decode("utf-8", "surrogateescape")
    for read in (split.split, lambda text: expand.expand(text, ENVIRON)):
        try:
            read(text)
        except ValueFault as fault:
            assert str(fault)
            assert fault.fix


def output(data):
    """Output means the same in whatever pieces, and not a byte is changed."""
    whole, pieces = in_pieces(data)
    for make in (Lines, Ansi, lambda: Capture(50)):
        assert _fed(make(), [whole]) == _fed(make(), pieces)
    lines = Lines()
    block = b"".join([lines.feed(piece) for piece in pieces])
    assert len(lines.rest) <= MAX_LINE_BYTES
    if all(len(line) <= MAX_LINE_BYTES for line in whole.split(b"\n")):
        assert block + lines.rest == whole


def _fed(taker, pieces):
    found = [taker.feed(piece) for piece in pieces]
    found.append(taker.finish())
    if not isinstance(taker, Capture):
        return b"".join(found)
    told = [(kind, part) for each in found[:-1] for kind, part in each]
    messages = [part for kind, part in told if kind == "message"]
    return b"".join([part for kind, part in told if kind == "output"]), messages, found[-1]


def call(data):
    """The body of a call by XML-RPC is a call, or unreadable."""
    try:
        method, params = wording.read_call(data)
    except wording.Unreadable as error:
        assert str(error)
        return
    assert method
    assert isinstance(params, list)


TARGETS = {
    "control": control,
    "toml": toml,
    "ini": ini,
    "listener": listening,
    "notify": notified,
    "expression": expression,
    "cron": cron_line,
    "env_file": env_file,
    "words": words,
    "output": output,
    "call": call,
}
_REQUEST = '{{"id": 1, "verb": "{verb}", "args": {{"names": ["web"]}}}}\n'
_TOML = b"""[init]
exit = "never"
env = { A = "${A:-x}" }
[program.web]
command = ["sleep", "600"]
ready = { output = "up" }
restart = { policy = "always", delay = "1s" }
stdout = { file = "/tmp/x", max_size = "1MB" }
[program.db]
command = "db --x 'y'"
depends_on = { web = "ready" }
[group.g]
programs = ["web"]
"""
_INI = b"""[supervisord]
nodaemon=true
[program:a]
command=/bin/a %(ENV_A)s ; comment
environment=A="1",B='%(program_name)s'
numprocs=2
process_name=%(program_name)s_%(process_num)02d
stdout_logfile=AUTO
 continued
[group:g]
programs=a
[eventlistener:l]
command=l
events=TICK_5
"""
SEEDS = {
    "control": [b"\x07" + _REQUEST.format(verb=verb).encode() for verb in VERBS],
    "toml": [_TOML, b'include = ["x"]\n[socket.s]\nlisten = ":1"\n[web]\nlisten = "unix:/x"\n'],
    "ini": [_INI, b"[unix_http_server]\nfile=/x\nchmod=0700\n[inet_http_server]\nport=:1\n"],
    "listener": [b"\x03READY\nRESULT 2\nOKREADY\nRESULT 4\nFAIL", b"\x0fREADY\nx"],
    "notify": [
        b"READY=1\nSTATUS=up \xc3\xa9\nMAINPID=7\nFDSTORE=1\nFDNAME=a",
        b"WATCHDOG_USEC=100\nWATCHDOG=trigger\nEXTEND_TIMEOUT_USEC=1\nERRNO=2\nMONOTONIC_USEC=3",
    ],
    "expression": [
        *(b"a{99999999999999999999}", b"(" * 1500 + b")" * 1500, b"[[a]-z]\na", b"^a\\.b$\na.b"),
        b"listening on \\d+\nlistening on 80",
        b"(a|b)+[^c]{2,3}\nx",
    ],
    "cron": [b"*/5 0-3,7 1 jan mon#2\nEurope/Berlin", b"@daily\n", b"0 0 L * *\nUTC", b"5m"],
    "env_file": [b'\xef\xbb\xbfexport A=1 # x\r\nB=\'a\nb\'\nC="\\n\\""\n#\n'],
    "words": [b'a \'b c\' "d\\" $x" e\\ f', b"${A:-${B:?no}} $$ ${N}"],
    "output": [b"\x04a\nb\x1b[31mc\xe2\x82\xac<!--XSUPERVISOR:BEGIN-->x<!--XSUPERVISOR:END-->\n"],
    "call": [
        (
            b"<?xml version='1.0'?><methodCall><methodName>a.b</methodName><params><param><value>"
            b"<array><data><value><int>1</int></value><value>x</value></data></array></value></param>"
            b"<param><value><struct><member><name>n</name><value><boolean>1</boolean></value></member>"
            b"</struct></value></param></params></methodCall>"
        )
    ],
}
_KEYS = [key for header in ("init", "program", "program.ready") for key in schema.section(header)]
WORDS = {
    "control": [f'"{word}"' for verb in VERBS.values() for word in verb.args]
    + ['"verb"', '"args"', "1e999", "NaN", "\\ud800", "[[[[", "}", "\n"],
    "toml": [*_KEYS, "[program.", "[[", '"""', "'''", "${", "inf", "1979-05-27", "true", " = {"],
    "ini": ["%(", ")s", "%%", "[program:", "[include]", "files=", "command=", "numprocs=", "\n "],
    "listener": ["READY\n", "RESULT ", "\nOK", "FAIL", "99999", "-1", "0"],
    "notify": [f"\n{name}=" for name in ("READY", "STATUS", "MAINPID", "FDNAME", "WATCHDOG", "X_")],
    "expression": [
        "(?",
        "{2,",
        "\\d",
        "[^",
        "(?P<",
        "$",
        "|",
        "*?",
        "\\x",
        "(?i)",
        "(?<=",
        "{99999",
    ],
    "cron": ["*/", "L", "#2", "jan", "mon-fri", "@", "\nEurope/", "W", "0-59", ",", "\n../"],
    "env_file": ["export ", "\\", "'", '"', "\r\n", "\ufeff", " #", "=", "\0"],
    "words": ["${", ":-", ":?", "$$", "\\", "'", '"', "}"],
    "output": ["\x1b[", "<!--XSUPERVISOR:", "BEGIN-->", "END-->", "\n", "\r"],
    "call": [
        "<value>",
        "</value>",
        "<struct>",
        "<!DOCTYPE",
        "&#0;",
        "<![CDATA[",
        "<nil/>",
        "utf-16",
    ],
}
