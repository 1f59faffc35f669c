"""Run by the genuine supervisor's Python: prints as JSON what supervisord makes of each file."""

import json
import os
import sys

from supervisor import datatypes, options
from supervisor.datatypes import Automatic, RestartUnconditionally, RestartWhenExitUnexpected

RESTART = {RestartUnconditionally: "always", RestartWhenExitUnexpected: "on-failure"}


def logfile(value):
    return "AUTO" if value is Automatic else value or ""


def process(group, one):
    return {
        "group": group.name,
        "group_priority": group.priority,
        "name": one.name,
        "command": one.command,
        "directory": one.directory,
        "umask": one.umask,
        "priority": one.priority,
        "autostart": one.autostart,
        "autorestart": RESTART.get(one.autorestart, "never"),
        "startsecs": one.startsecs,
        "startretries": one.startretries,
        "exitcodes": sorted(one.exitcodes),
        "stopsignal": int(one.stopsignal),
        "stopwaitsecs": one.stopwaitsecs,
        "stopasgroup": one.stopasgroup,
        "killasgroup": one.killasgroup,
        "uid": one.uid,
        "redirect_stderr": one.redirect_stderr,
        "environment": one.environment,
        "serverurl": one.serverurl,
        "stdout": logfile(one.stdout_logfile),
        "stderr": logfile(one.stderr_logfile),
        "stdout_size": one.stdout_logfile_maxbytes,
        "stdout_files": one.stdout_logfile_backups,
        "syslog": [one.stdout_syslog, one.stderr_syslog],
        "capture": [one.stdout_capture_maxbytes, one.stderr_capture_maxbytes],
        "events": [one.stdout_events_enabled, one.stderr_events_enabled],
    }


def read(path):
    found = options.ServerOptions()
    found.configfile, found.here = path, os.path.dirname(path)
    section = found.read_config(path)
    return {
        "processes": [
            process(group, one)
            for group in section.process_group_configs
            for one in group.process_configs
        ],
        "servers": [
            [server.get("file") or "{}:{}".format(server["host"], server["port"]),
             server["username"], server["password"], server.get("chmod"), server.get("chown")]
            for server in section.server_configs
        ],
        "environment": section.environment,
        "identifier": section.identifier,
    }  # fmt: skip


def uid(text):
    return int(text) if text.isdigit() else known_uid(text)


# what pyinit does otherwise: directories are made, numbers need no entry, plugins are only named
known_uid = datatypes.name_to_uid
datatypes.name_to_uid = options.name_to_uid = uid
datatypes.existing_dirpath = options.existing_dirpath = os.path.expanduser
datatypes.existing_directory = options.existing_directory = os.path.expanduser
options.ServerOptions.import_spec = lambda _self, spec: spec
print(json.dumps({path: read(path) for path in sys.argv[1:]}))
