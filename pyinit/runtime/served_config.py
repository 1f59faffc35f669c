"""What supervisord's clients are told of a process's configuration: the values it was given.

Environments are never told.  What is secret in one, by its name or as the password in a URL, is
masked where it has found its way into the command.
"""

from __future__ import annotations

from pyinit.logs.ring import STDERR, STDOUT
from pyinit.protocol.masking import masked, without
from pyinit.protocol.names import process_of
from pyinit.runtime.served_facts import OWN, log_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    from pyinit.core.plan import Launch, ProcessPlan, Sink
    from pyinit.core.plan_listen import WebPlan
    from pyinit.protocol.wire import Json

    Secrets: TypeAlias = dict[str, str]

LEAST = 4  # characters of a secret that is masked: shorter ones are words
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")
STREAMS = ("stdout", "stderr")
NO_ROTATION = 0
SIZE, FILES = 50 * 1024 * 1024, 10  # supervisord's defaults, for what is no file
SERVER_URL = "SUPERVISOR_SERVER_URL"


def entry(
    plan: ProcessPlan,
    secrets: Secrets,
    web: WebPlan | None,
    auto_path: Callable[[str, int], str],
    *,
    in_use: bool,
) -> dict[str, Json]:
    """Return the fields of getAllConfigInfo; None is what was not given.

    `secrets` are those of pyinit's own environment; `auto_path(key, stream)` names the file that
    pyinit has made for a stream, "" if there is none.
    """
    launch, stop, restart = plan.launch, plan.stop, plan.restart
    told: dict[str, Json] = {
        "name": process_of(plan.name, plan.group),
        "group": plan.group,
        "autostart": plan.autostart,
        "directory": launch.directory,
        "uid": launch.uid,
        "command": command(plan, {**secrets, **found_secrets(launch.env)}),
        "exitcodes": list(plan.success_codes),
        "group_prio": plan.group_priority,
        "inuse": in_use,
        "killasgroup": stop.kill != "process" or stop.last in ("group", "tree"),
        "process_prio": plan.priority,
        "redirect_stderr": any(sink.kind == "stdout" for sink in launch.stderr),
        "startretries": restart.max if restart.retries is None else restart.retries,
        "startsecs": plan.start_s,
        "stopsignal": int(stop.signals[0]),
        "stopwaitsecs": stop.timeout,
        "serverurl": server_url(launch, web),
    }
    for stream in (STDOUT, STDERR):
        told.update(_stream(launch, stream, auto_path(plan.key, stream)))
    return told


def command(plan: ProcessPlan, secrets: Secrets) -> str:
    """Return a command as it was written, or as a shell would read it, without its secrets."""
    if plan.command:
        return without((plan.command,), secrets)[0]
    return " ".join([quoted(word) for word in without(plan.launch.argv, secrets)])


def found_secrets(variables: Iterable[tuple[str, str]]) -> Secrets:
    """Return the values of variables that must not be seen, and what is shown instead."""
    found: Secrets = {}
    for name, value in variables:
        if len(value) >= LEAST:
            shown = masked(name, value, secret=False)
            if shown != value:
                found[value] = shown
    return found


def own_secrets(environ: Mapping[bytes, bytes]) -> Secrets:
    """Return those of pyinit's own environment."""
    texts = [
        (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
        for name, value in environ.items()
    ]
    return found_secrets(texts)


def quoted(word: str) -> str:
    """Return a word as a shell has to be given it."""
    if word and PLAIN.issuperset(word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


def server_url(launch: Launch, web: WebPlan | None) -> str | None:
    """Return the address a program was told to find us at, None if that is where we are."""
    url = dict(launch.env).get(SERVER_URL)
    if url is None:
        return None
    for door in web.doors if web is not None else ():
        kind, _, place = door.listen.partition(":")
        if kind == "unix" and url == f"unix://{place}":
            return None
        if kind == "tcp" and url.rpartition(":")[2] == place.rpartition(":")[2]:
            return None
    return masked(SERVER_URL, url, secret=False)


def _stream(launch: Launch, stream: int, auto: str) -> dict[str, Json]:
    sinks, channel = (launch.stdout, launch.stderr)[stream], launch.channels[stream]
    path = log_path(launch, stream, auto or "auto") or None
    size, files = _rotation(sinks)
    told: dict[str, Json] = {
        "capture_maxbytes": channel.capture,
        "events_enabled": channel.events,
        "logfile": path,
        "logfile_backups": files,
        "logfile_maxbytes": NO_ROTATION if path in OWN else size,
        "syslog": any(sink.kind == "syslog" for sink in sinks),
    }
    return {f"{STREAMS[stream]}_{name}": value for name, value in told.items()}


def _rotation(sinks: tuple[Sink, ...]) -> tuple[int, int]:
    for sink in sinks:
        if sink.kind in ("file", "auto"):
            return sink.max_size, sink.max_files
    return SIZE, FILES
