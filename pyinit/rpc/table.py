"""Every method there is, with its signature and its help."""

from __future__ import annotations

from pyinit.rpc import methods_config as config
from pyinit.rpc import methods_daemon as daemon
from pyinit.rpc import methods_logs as logs
from pyinit.rpc import methods_process as process
from pyinit.rpc import methods_signals as signals
from pyinit.rpc import methods_system as system
from pyinit.rpc.calls import Method, Param
from pyinit.rpc.methods_daemon import API_VERSION, SUPERVISOR_VERSION

__all__ = ["API_VERSION", "METHODS", "SUPERVISOR_VERSION"]

NAME = Param("string", "name", "A process: its name, or GROUP:PROCESS")
NAME_OR_ALL = Param("string", "name", "A process: its name, GROUP:PROCESS, or GROUP:* for all")
GROUP = Param("string", "name", "A group")
METHOD = Param("string", "name", "The full name of a method")
WAIT_UP = Param("boolean", "wait", "Answer when it is up (the default), not at once", optional=True)
WAIT_GONE = Param("boolean", "wait", "Answer when it is gone (the default), not at once", True)
SIGNAL = Param("string", "signal", "HUP, SIGHUP or 1")
OFFSET = Param("int", "offset", "The byte to begin at; below 0: so many bytes before the end")
LENGTH = Param("int", "length", "How many bytes; 0: all that follow")
SINCE = Param("int", "offset", "The size that was told last")
MOST = Param("int", "length", "How many bytes at most")
TRUE = "True; whatever else comes of it is a fault"
EACH = "A struct for each: name, group, status, description"
TEXT = "The text; bytes that are none are replaced"
TAIL = "The last bytes, the size, and whether more have come than that"

_METHODS = {
    "getAPIVersion": Method(
        daemon.get_api_version, "Tell the version of this API.", "string", "The version"
    ),
    "getSupervisorVersion": Method(
        daemon.get_supervisor_version,
        "Tell the version of the supervisord whose methods these are.",
        "string",
        "The version",
    ),
    "getIdentification": Method(
        daemon.get_identification, "Tell the name that was given to us.", "string", "The name"
    ),
    "getState": Method(
        daemon.get_state, "Tell what we are doing.", "struct", "int statecode, string statename"
    ),
    "getPID": Method(daemon.get_pid, "Tell our process id.", "int", "The process id"),
    "readLog": Method(logs.read_log, "Read our own log.", "string", TEXT, (OFFSET, LENGTH)),
    "clearLog": Method(logs.clear_log, "Empty our own log.", "boolean", TRUE),
    "shutdown": Method(daemon.shutdown, "Stop everything and end.", "boolean", TRUE),
    "restart": Method(
        daemon.restart, "Stop everything and begin anew, all files read again.", "boolean", TRUE
    ),
    "reloadConfig": Method(
        config.reload_config,
        "Read the configuration again, changing nothing that runs.",
        "array",
        "One array of three: the names of groups that are new, differ, or are gone",
    ),
    "addProcessGroup": Method(
        config.add_process_group,
        "Put a group of the configuration that was read last in force.",
        "boolean",
        TRUE,
        (GROUP,),
    ),
    "removeProcessGroup": Method(
        config.remove_process_group,
        "Forget a group whose processes have stopped.",
        "boolean",
        TRUE,
        (GROUP,),
    ),
    "startProcess": Method(
        process.start_process, "Start a process.", "boolean", TRUE, (NAME_OR_ALL, WAIT_UP)
    ),
    "startProcessGroup": Method(
        process.start_process_group,
        "Start the processes of a group that do not run.",
        "array",
        EACH,
        (GROUP, WAIT_UP),
    ),
    "startAllProcesses": Method(
        process.start_all_processes,
        "Start the processes that do not run.",
        "array",
        EACH,
        (WAIT_UP,),
    ),
    "stopProcess": Method(
        process.stop_process, "Stop a process.", "boolean", TRUE, (NAME_OR_ALL, WAIT_GONE)
    ),
    "stopProcessGroup": Method(
        process.stop_process_group,
        "Stop the processes of a group.",
        "array",
        EACH,
        (GROUP, WAIT_GONE),
    ),
    "stopAllProcesses": Method(
        process.stop_all_processes, "Stop every process.", "array", EACH, (WAIT_GONE,)
    ),
    "signalProcess": Method(
        signals.signal_process,
        "Send a signal to a process.",
        "boolean",
        TRUE,
        (NAME_OR_ALL, SIGNAL),
    ),
    "signalProcessGroup": Method(
        signals.signal_process_group,
        "Send a signal to the processes of a group.",
        "array",
        EACH,
        (GROUP, SIGNAL),
    ),
    "signalAllProcesses": Method(
        signals.signal_all_processes,
        "Send a signal to every process.",
        "array",
        EACH,
        (SIGNAL,),
    ),
    "getAllConfigInfo": Method(
        config.get_all_config_info,
        "Tell how every process is configured.",
        "array",
        "A struct for each",
    ),
    "getProcessInfo": Method(
        process.get_process_info, "Tell everything about a process.", "struct", "Facts", (NAME,)
    ),
    "getAllProcessInfo": Method(
        process.get_all_process_info,
        "Tell everything about every process.",
        "array",
        "A struct for each, as of getProcessInfo",
    ),
    "readProcessStdoutLog": Method(
        logs.read_process_stdout_log,
        "Read the log of what a process prints.",
        "string",
        TEXT,
        (NAME, OFFSET, LENGTH),
    ),
    "readProcessStderrLog": Method(
        logs.read_process_stderr_log,
        "Read the log of what a process complains.",
        "string",
        TEXT,
        (NAME, OFFSET, LENGTH),
    ),
    "tailProcessStdoutLog": Method(
        logs.tail_process_stdout_log,
        "Read the end of the log of what a process prints.",
        "array",
        TAIL,
        (NAME, SINCE, MOST),
    ),
    "tailProcessStderrLog": Method(
        logs.tail_process_stderr_log,
        "Read the end of the log of what a process complains.",
        "array",
        TAIL,
        (NAME, SINCE, MOST),
    ),
    "clearProcessLogs": Method(
        logs.clear_process_logs, "Empty the logs of a process.", "boolean", TRUE, (NAME,)
    ),
    "clearAllProcessLogs": Method(
        logs.clear_all_process_logs, "Empty the logs of every process.", "array", EACH
    ),
    "sendProcessStdin": Method(
        signals.send_process_stdin,
        "Write to the standard input of a process.",
        "boolean",
        TRUE,
        (NAME, Param("string", "chars", "What to write, as UTF-8")),
    ),
    "sendRemoteCommEvent": Method(
        daemon.send_remote_comm_event,
        "Tell event listeners something.",
        "boolean",
        TRUE,
        (Param("string", "type", "What it is"), Param("string", "data", "What there is to say")),
    ),
}
_ALIASES = {
    "getVersion": "getAPIVersion",
    "readMainLog": "readLog",
    "readProcessLog": "readProcessStdoutLog",
    "tailProcessLog": "tailProcessStdoutLog",
    "clearProcessLog": "clearProcessLogs",
}
_SYSTEM = {
    "listMethods": Method(system.list_methods, "Tell every method.", "array", "Their full names"),
    "methodHelp": Method(
        system.method_help, "Tell what a method is for.", "string", "This text", (METHOD,)
    ),
    "methodSignature": Method(
        system.method_signature,
        "Tell the types of a method.",
        "array",
        "The type of the result, then of each parameter",
        (METHOD,),
    ),
    "multicall": Method(
        system.multicall,
        "Carry out calls one after the other.",
        "array",
        "Of each call its result, or a struct of faultCode and faultString",
        (Param("array", "calls", "Structs of methodName and params"),),
    ),
}

METHODS = {
    **{f"supervisor.{name}": method for name, method in _METHODS.items()},
    **{f"supervisor.{alias}": _METHODS[name] for alias, name in _ALIASES.items()},
    **{f"system.{name}": method for name, method in _SYSTEM.items()},
}
