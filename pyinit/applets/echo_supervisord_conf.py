"""echo_supervisord_conf: prints a configuration to begin with."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Never

SAMPLE = """\
; A configuration in supervisord's form, to begin with.  What is commented out shows the default,
; or an example.  A comment begins with a semicolon; behind a value it needs a blank before it.
; %(ENV_HOME)s is the variable HOME, %(here)s the directory of this file.

[unix_http_server]
file=/tmp/supervisor.sock   ; where supervisorctl finds us
;chmod=0700                 ; who may use it
;chown=nobody:nogroup
;username=user              ; both or none
;password=123               ; clear text, or {SHA} and the SHA-1 in hexadecimal digits

;[inet_http_server]         ; the same, with the status page, at a port
;port=127.0.0.1:9001        ; *:9001 is for everybody who reaches it: give it a password
;username=user
;password=123

[supervisord]
logfile=/tmp/supervisord.log ; what happened
logfile_maxbytes=50MB       ; rotated at this size; 0 is never
logfile_backups=10          ; so many old ones are kept
loglevel=info               ; critical, error, warn, info, debug, trace, blather
pidfile=/tmp/supervisord.pid
nodaemon=true               ; stay in the foreground: a container ends with its first process
;silent=false               ; true: do not write the log to stdout, too
;minfds=1024                ; the limit of open files is raised to this
;minprocs=200               ; and that of processes
;user=nobody                ; who we become when root starts us
;identifier=supervisor      ; our name, for clients and listeners
;childlogdir=/tmp           ; where logs named AUTO are made
;nocleanup=false            ; true: leave such logs of earlier runs there
;strip_ansi=false           ; true: without terminal sequences in them
;environment=KEY="value"    ; for all programs

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix:///tmp/supervisor.sock ; as above; or http://127.0.0.1:9001
;username=user              ; as above
;password=123
;prompt=supervisor
;history_file=~/.sc_history

;[program:web]
;command=/bin/cat           ; no shell: for one write sh -c '...'
;process_name=%(program_name)s ; with several processes, with %(process_num)02d in it
;numprocs=1
;directory=/tmp
;umask=022
;priority=999               ; the lowest starts first, and stops last
;autostart=true
;startsecs=1                ; up so long, it has started
;startretries=3             ; tries more, a second later each time, before it is given up
;autorestart=unexpected     ; true, false, or when its exit status is none of exitcodes
;exitcodes=0
;stopsignal=TERM
;stopwaitsecs=10            ; then KILL
;stopasgroup=false          ; signals for its children, too
;killasgroup=false
;user=nobody
;redirect_stderr=false      ; true: stderr goes where stdout goes
;stdout_logfile=AUTO        ; a path, AUTO, NONE, or /dev/stdout (then maxbytes=0)
;stdout_logfile_maxbytes=50MB
;stdout_logfile_backups=10
;stdout_capture_maxbytes=0
;stdout_events_enabled=false
;stdout_syslog=false
;stderr_logfile=AUTO        ; and all of the above for it
;environment=A="1",B="2"

;[eventlistener:watcher]    ; a program that is told what happens
;command=/bin/listener      ; with all options of a program, but stdout is the protocol's
;events=PROCESS_STATE,TICK_60
;buffer_size=10

;[fcgi-program:php]         ; a program that is handed a listening socket as its stdin
;command=/usr/bin/php-cgi
;socket=unix:///tmp/php.sock
;socket_mode=0700

;[group:site]               ; programs that are started and stopped together
;programs=web,php
;priority=999

;[include]                  ; more files, sections of them as if they stood here
;files = conf.d/*.conf
"""


def main() -> Never:
    """Print the sample; never returns."""
    sys.stdout.write(SAMPLE)
    sys.exit(0)


if __name__ == "__main__":
    main()
