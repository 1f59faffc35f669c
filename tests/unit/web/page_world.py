"""A door of the gateway without a network, and somebody at the control socket who plays PID 1.

    async with World() as world:
        answer = await world.get("/")
        assert answer.status == 200
        assert world.asked == [("status", {"usage": True})]

The other end of the control socket is a real one that speaks the real protocol; what it answers
is in `world.answers`, by verb: a result, a Refused, or a function of the arguments.
"""

import asyncio
import json
import re
import socket
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlencode

from pyinit.protocol import wire
from pyinit.protocol.messages import Refused, read_request, refusal, reply
from pyinit.web import app, auth, client
from pyinit.web.context import Context, Facts

WITHIN_S = 30.0
SECRET = b"a secret of pyinit and its gateway"


def process(name="web", **more):
    """Return what `status` with usage says of a process that does well."""
    entry = {
        "name": name,
        "group": name,
        "program": name,
        "instance": 0,
        "kind": "service",
        "state": "RUNNING",
        "ready": True,
        "ok": True,
        "active": True,
        "pid": 4711,
        "uptime_s": 65.0,
        "restarts": 0,
        "reason": "",
        "last_exit": None,
        "cpu_s": 1.5,
        "rss_bytes": 3 << 20,
        "fds": 7,
        "fds_limit": 1024,
    }
    return {**entry, **more}


def fatal(name="bad", reason="exit status 3", **more):
    """Return what `status` says of a process that was given up."""
    end = {"code": 3, "reason": reason, "at": 1_700_000_000.0}
    rest = {"state": "FATAL", "ready": False, "ok": False, "active": False, "pid": 0}
    gone = {"uptime_s": 0.0, "cpu_s": 0.0, "rss_bytes": 0, "fds": None, "fds_limit": None}
    return process(name, **{**rest, **gone, "reason": reason, "last_exit": end, **more})


def status(*processes):
    return {
        "pid": 1,
        "version": "0",
        "state": "running",
        "ok": all(each["ok"] for each in processes),
        "processes": list(processes),
    }


class World:
    """One door, and PID 1 behind it.  `processes` are what `status` tells."""

    def __init__(self, *processes, read_only=False, username="", password="", place="tcp:[::1]:1"):
        self.processes = list(processes) or [process()]
        self.answers = {"status": self._status}
        self.streams = {}  # verb -> notifications to be sent at once
        self.asked = []
        self.open = {}  # request id -> verb of a stream
        self.place = place
        self._facts = Facts(place, read_only, bool(username))
        self._lock = auth.Lock(username, password) if username else None

    async def __aenter__(self):
        ours, theirs = socket.socketpair()
        reader, self._writer = await asyncio.open_unix_connection(sock=theirs)
        self._playing = asyncio.create_task(self._play(reader))
        self.control = await client.connect(ours)
        self.context = Context(self.control, self._facts, "shop", SECRET)
        self.app = app.application(self.context, self._lock, auth.Patience())
        return self

    async def __aexit__(self, *_):
        self.control.close()
        self._playing.cancel()
        with suppress(asyncio.CancelledError):
            await self._playing
        self._writer.close()

    @property
    def changes(self):
        """What was asked for that changes something."""
        looks = ("status", "events", "logs", "read-log", "metrics", "health", "ready", "cancel")
        return [each for each in self.asked if each[0] not in looks]

    def door(self, place):
        """Return another door to the same PID 1."""
        facts = Facts(place, False, False)
        return app.application(Context(self.control, facts, "shop", SECRET), None, auth.Patience())

    def tell(self, verb, event):
        """Send a notification to everybody who follows that."""
        for number, each in self.open.items():
            if each == verb:
                self._send({"id": number, **event})

    async def until(self, check):
        """Return when `check()` is true."""
        async with asyncio.timeout(WITHIN_S):
            while not check():  # noqa: ASYNC110  what is waited for has no event
                await asyncio.sleep(0.01)

    def hang_up(self):
        self._writer.close()

    async def get(self, path, **headers):
        return await self.ask("GET", path, **headers)

    async def post(self, path, fields, **headers):
        body = urlencode(fields).encode()
        headers.setdefault("content_type", "application/x-www-form-urlencoded")
        return await self.ask("POST", path, body, **headers)

    async def send(self, method, path, value, **headers):
        return await self.ask(
            method, path, json.dumps(value).encode(), content_type="application/json", **headers
        )

    async def ask(self, method, path, body=b"", *, app=None, **headers):
        """Return the whole answer to a request."""
        async with self.asking(method, path, body, app=app, **headers) as answer:
            await answer.whole()
            return answer

    @asynccontextmanager
    async def asking(self, method, path, body=b"", *, app=None, **headers):
        """Make a request; who leaves the block has hung up."""
        answer = Answer()
        scope = scope_of(method, path, headers)
        gone = asyncio.Event()
        sent = False

        async def receive():
            nonlocal sent
            if not sent:
                sent = True
                return {"type": "http.request", "body": body, "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        task = asyncio.create_task((app or self.app)(scope, receive, answer.take))
        answer.task = task
        try:
            yield answer
        finally:
            gone.set()
            await asyncio.wait((task,), timeout=WITHIN_S)
            assert task.done(), "it goes on though the client has hung up"

    def _status(self, args):
        names = args.get("names")
        found = [each for each in self.processes if not names or each["name"] in names]
        if names and not found:
            raise Refused("no-such-program", f"no such program: '{names[0]}'", {"names": names})
        return status(*found)

    async def _play(self, reader):
        while line := await reader.readline():
            frame = wire.decode(line)
            number = frame["id"]
            if frame["verb"] == "cancel":
                self.open.pop(frame["args"].get("request"), None)
                continue
            try:
                asked = read_request(frame)
                self.asked.append((asked.verb, dict(asked.args)))
                self._answer(number, asked.verb, asked.args)
            except Refused as error:
                self._send(refusal(number, error.code, error.message, error.more))

    def _answer(self, number, verb, args):
        if args.get("follow"):
            self.open[number] = verb
            for event in self.streams.get(verb, ()):
                self._send({"id": number, **event})
            return
        found = self.answers.get(verb, {})
        if callable(found):
            found = found(args)
        if isinstance(found, Refused):
            raise found
        if found is not None:  # else it takes for ever
            self._send(reply(number, found))

    def _send(self, frame):
        self._writer.write(wire.encode(frame))


class Answer:
    """What was answered, as far as it has come."""

    def __init__(self):
        self.status = 0
        self.headers = []
        self.body = b""
        self._news = asyncio.Event()
        self._over = False
        self.task = None

    async def take(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [
                (name.decode().lower(), value.decode()) for name, value in message["headers"]
            ]
        else:
            self.body += message.get("body", b"")
            self._over = not message.get("more_body", False)
        self._news.set()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def header(self, name):
        return ", ".join(value for each, value in self.headers if each == name)

    @property
    def cookie(self):
        """What a browser sends back."""
        return self.header("set-cookie").partition(";")[0]

    @property
    def token(self):
        return re.search(r'name="token" value="([^"]*)"', self.text).group(1)

    @property
    def events(self):
        """What came of a stream of events: (name, data)."""
        found = re.findall(r"^event: (.*)\ndata: (.*)\n$", self.text, re.MULTILINE)
        return [(name, json.loads(data)) for name, data in found]

    async def whole(self):
        await self.until(lambda: self._over or self.task.done())
        assert self.status, "there was no answer"

    async def until(self, check):
        """Return when `check()` is true of what has come."""
        async with asyncio.timeout(WITHIN_S):
            while not check():
                self._news.clear()
                waiting = asyncio.ensure_future(self._news.wait())
                await asyncio.wait((waiting, self.task), return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if self.task.done() and not check():
                    raise AssertionError(f"it has ended: {self.status} {self.text}")


def scope_of(method, path, headers):
    path, _, query = path.partition("?")
    given = [(b"host", b"localhost:1")]
    given += [
        (name.replace("_", "-").encode(), str(value).encode()) for name, value in headers.items()
    ]
    from urllib.parse import unquote

    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": given,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 1),
    }


def run(coroutine):
    """Run a test's coroutine, within bounds."""

    async def bounded():
        async with asyncio.timeout(WITHIN_S * 2):
            return await coroutine

    return asyncio.run(bounded())
