"""Every method there is, with its signature and its help."""

from __future__ import annotations

from pyinit.rpc import methods_daemon as daemon
from pyinit.rpc import methods_process as process
from pyinit.rpc.calls import Method, Param
from pyinit.rpc.methods_daemon import API_VERSION, SUPERVISOR_VERSION

__all__ = ["API_VERSION", "METHODS", "SUPERVISOR_VERSION"]

NAME = Param("string", "name", "Name of a process, also GROUP:PROCESS")
NAME_OR_ALL = Param("string", "name", "Name of a process, also GROUP:PROCESS or GROUP:*")
GROUP = Param("string", "name", "Name of a group")
WAIT_UP = Param("boolean", "wait", "Answer once it is up, not at once", optional=True)
WAIT_DOWN = Param("boolean", "wait", "Answer once it is gone, not at once", optional=True)
TRUE = "True; everything else is a fault"
EACH = "A status struct for each: name, group, status, description"

_DAEMON = {
    "getAPIVersion": Method(
        daemon.get_api_version, "Tell the version of this API", "string", "The version"
    ),
    "getSupervisorVersion": Method(
        daemon.get_supervisor_version,
        "Tell the version of supervisord whose methods these are",
        "string",
        "The version",
    ),
    "getIdentification": Method(
        daemon.get_identification, "Tell the name that was given to us", "string", "The name"
    ),
    "getState": Method(
        daemon.get_state, "Tell what we are doing", "struct", "int statecode, string statename"
    ),
    "getPID": Method(daemon.get_pid, "Tell our process id", "int", "The process id"),
}
_PROCESS = {
    "getProcessInfo": Method(
        process.get_process_info, "Tell everything about a process", "struct", "The facts", (NAME,)
    ),
    "getAllProcessInfo": Method(
        process.get_all_process_info,
        "Tell everything about every process",
        "array",
        "A struct for each, as of getProcessInfo",
    ),
    "startProcess": Method(
        process.start_process, "Start a process", "boolean", TRUE, (NAME_OR_ALL, WAIT_UP)
    ),
    "startProcessGroup": Method(
        process.start_process_group,
        "Start every process of a group that does not run",
        "array",
        EACH,
        (GROUP, WAIT_UP),
    ),
    "startAllProcesses": Method(
        process.start_all_processes,
        "Start every process that does not run",
        "array",
        EACH,
        (WAIT_UP,),
    ),
    "stopProcess": Method(
        process.stop_process, "Stop a process", "boolean", TRUE, (NAME_OR_ALL, WAIT_DOWN)
    ),
    "stopProcessGroup": Method(
        process.stop_process_group,
        "Stop every process of a group",
        "array",
        EACH,
        (GROUP, WAIT_DOWN),
    ),
    "stopAllProcesses": Method(
        process.stop_all_processes, "Stop every process", "array", EACH, (WAIT_DOWN,)
    ),
}
_ALIASES = {"getVersion": "getAPIVersion"}


def _table() -> dict[str, Method]:
    methods = {**_DAEMON, **_PROCESS}
    methods.update({alias: methods[name] for alias, name in _ALIASES.items()})
    return {f"supervisor.{name}": method for name, method in sorted(methods.items())}


METHODS = _table()
