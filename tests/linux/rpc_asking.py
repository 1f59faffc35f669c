"""Asks the genuine supervisord by XML-RPC, and pyinit in either way, in the same words."""

import re
import xmlrpc.client

from boxed import WITHIN_S, eventually
from supervised import UnixTransport

from pyinit.client import Client
from pyinit.rpc import dispatch
from pyinit.rpc.faults import Fault

TIMES = ("start", "stop", "now")


def ask(side, method, *params):
    """Return what a method answers at either side; a fault is (code, text).

    A pyinit is asked over its control socket, unless its side has `by_http`.
    """
    name = method if "." in method else f"supervisor.{method}"
    if side.which == "pyinit" and not getattr(side, "by_http", False):
        return ask_pyinit(side.control, name, *params)
    transport = UnixTransport(side.socket)
    try:
        body = xmlrpc.client.dumps(params, name).encode()
        return transport.request("127.0.0.1", "/RPC2", body)[0]
    except xmlrpc.client.Fault as fault:
        return fault.faultCode, fault.faultString
    except xmlrpc.client.ProtocolError as error:
        return error.errcode  # a fault of its own
    finally:
        transport.close()


def ask_pyinit(path, name, *params):
    """Return what a method answers over the control socket at `path`; a fault is (code, text)."""
    with Client(path) as client:

        def call(verb, args):
            return client.call(verb, args, answer_s=WITHIN_S)

        try:
            return dispatch.run(dispatch.begin(name, list(params)), call)
        except Fault as fault:
            return fault.code, fault.text


def answers(side, *questions):
    """Return [(question, answer)] of questions that are a method and its arguments."""
    return [(question, plain(side, ask(side, *question))) for question in questions]


def wait_info(side, name, wanted):
    """Wait until getProcessInfo of `name` is as `wanted(struct)` says; return it."""

    def look():
        found = ask(side, "getProcessInfo", name)
        return found if isinstance(found, dict) and wanted(found) else None

    return eventually(look)


def plain(side, value):
    """Return an answer without what differs from run to run: pids, times, random names."""
    if isinstance(value, dict):
        return {key: _field(side, key, each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(side, each) for each in value)
    return _text(side, value) if isinstance(value, str) else value


def _field(side, key, value):
    if key in TIMES or key == "pid":
        return value > 0
    if key == "description":
        value = re.sub(r"^pid \d+, uptime \d+:\d\d:\d\d$", "pid N, uptime T", value)
        value = re.sub(r"^[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M$", "STAMP", value)
    return plain(side, value)


def _text(side, text):
    text = text.replace(str(side.place), "HERE")
    return re.sub(r"(---\w+-)\w+(\.log)", r"\1XXX\2", text)
