"""A supervisor in memory that answers verbs as PID 1 does, for methods that only talk."""

import json
from dataclasses import dataclass, field

from pyinit.protocol.messages import Refused, read_request
from pyinit.protocol.names import process_of
from pyinit.rpc import dispatch
from pyinit.rpc.faults import Fault

NOW = 1_700_000_000
REQUEST_BYTES = 64 << 10  # what PID 1 takes for one request


@dataclass
class Slot:
    """One process.  `comes` is what a start makes of it: (ok, state, code, message)."""

    label: str
    group: str
    state: str = "STOPPED"
    start: float = 0.0
    stop: float = 0.0
    spawnerr: str = ""
    exitstatus: int = 0
    pid: int = 0
    priority: int = 999
    group_priority: int = 999
    stdout: bytes | None = b""
    stderr: bytes | None = None
    comes: tuple = (True, "RUNNING", "", "")
    goes: tuple = (True, "STOPPED", "", "")
    clears: bool = True
    reads: str = ""  # what a write to it is refused with
    written: str = ""
    signals: list = field(default_factory=list)

    @property
    def key(self):
        return f"{self.label}#"

    def entry(self):
        """Return what `info` tells of it."""
        return {
            "name": process_of(self.label, self.group),
            "group": self.group,
            "label": self.label,
            "key": self.key,
            "state": self.state,
            "start": self.start,
            "stop": self.stop,
            "spawnerr": self.spawnerr,
            "exitstatus": self.exitstatus,
            "exit_signal": 0,
            "pid": self.pid,
            "uptime_s": 0.0,
            "priority": self.priority,
            "group_priority": self.group_priority,
            "stdout_logfile": "" if self.stdout is None else f"/log/{self.label}",
            "stderr_logfile": "" if self.stderr is None else f"/log/{self.label}.err",
        }

    def told(self, outcome):
        """Return what a verb tells of it, and whether that is good."""
        ok, self.state, code, message = outcome
        told = {"name": self.label, "ok": ok, "was": "", "state": self.state, "pid": self.pid}
        return told | ({"code": code} if code else {}) | ({"message": message} if message else {})


def running(label, group=None, **facts):
    """Return a process that runs."""
    facts = {"pid": 77, "start": NOW - 5.5, **facts}
    return Slot(label, group or label, "RUNNING", **facts)


def stopped(label, group=None, **facts):
    """Return a process that was never started."""
    return Slot(label, group or label, **facts)


class World:
    """The supervisor; `calls` are those it was asked, `refuses` what it says no to, by verb."""

    def __init__(self, *slots, state="RUNNING"):
        self.slots = list(slots)
        self.state = state
        self.own_log = b""
        self.calls = []
        self.refuses = {}
        self.answers = {}

    def ask(self, method, *params):
        """Return what a method answers; a fault is (code, text)."""
        name = method if "." in method else f"supervisor.{method}"
        try:
            return dispatch.run(dispatch.begin(name, list(params)), self.call)
        except Fault as fault:
            return fault.code, fault.text

    def call(self, verb, args):
        """Carry out a verb; what PID 1 would not take as a request fails the test."""
        frame = json.loads(json.dumps({"id": 1, "verb": verb, "args": args}))
        assert len(json.dumps(frame)) < REQUEST_BYTES
        try:
            read_request(frame)
        except Refused as refused:
            raise AssertionError(f"{frame}: {refused}") from None
        self.calls.append((verb, args))
        refused = self.refuses.get(verb)
        if isinstance(refused, list):
            refused = refused.pop(0) if refused else None
        if refused is not None:
            raise refused
        if verb in self.answers:
            return self.answers[verb]
        return getattr(self, "do_" + verb.replace("-", "_"))(args)

    def verbs(self):
        """Return the names of the verbs it was asked, without those that only look."""
        return [verb for verb, _ in self.calls if verb != "info"]

    def do_info(self, args):
        slots = [each for each in self.slots if args.get("group") in (None, each.group)]
        if "process" in args:
            named = [(process_of(each.label, each.group), each) for each in slots]
            slots = [each for name, each in named if name == args["process"]]
        return {
            "pid": 1,
            "identifier": "supervisor",
            "state": self.state,
            "now": NOW + 0.7,
            "processes": [each.entry() for each in slots],
        }

    def do_start(self, args):
        return self._told([each.told(each.comes) for each in self._named(args)])

    def do_stop(self, args):
        return self._told([each.told(each.goes) for each in self._named(args)])

    def do_signal(self, args):
        told = []
        for each in self._named(args):
            each.signals.append(args["signal"])
            gone = each.pid == 0
            told.append(each.told((not gone, each.state, "", "gone" if gone else "")))
        return self._told(told, "not-running")

    def do_clear_log(self, args):
        if args.get("main"):
            self.own_log = b""
            return {"processes": []}
        return self._told(
            [each.told((each.clears, each.state, "", "")) for each in self._named(args)]
        )

    def do_write_stdin(self, args):
        (slot,) = self._named({"names": [args["name"]]})
        if slot.reads:
            raise Refused(slot.reads, "cannot write")
        slot.written += args["data"]
        return {}

    def do_read_log(self, args):
        if args["name"]:
            (slot,) = self._named({"names": [args["name"]]})
            data = getattr(slot, args["stream"])
        else:
            data = self.own_log
        if data is None:
            raise Refused("no-file", "cannot read it: there is no file")
        offset, length = args["offset"], min(args["length"] or 64 << 10, 64 << 10)
        start = max(0, len(data) + offset) if offset < 0 else min(offset, len(data))
        piece = data[start : start + length]
        return {"data": piece.decode("latin-1"), "offset": start, "size": len(data), "file": "f"}

    def _named(self, args):
        keys = [name.removeprefix("=") for name in args["names"]]
        found = [each for each in self.slots if each.key in keys]
        assert len(found) == len(keys)
        return found

    def _told(self, told, code="failed"):
        if all(each["ok"] for each in told):
            return {"processes": told}
        raise Refused(code, "cannot do it", {"processes": told})
