#!/bin/sh
# A Docker engine for the tests and the demo: uses the one that answers, else starts one.
#
#   scripts/engine.sh start   make sure that an engine answers (as root, on a Debian-like machine)
#   scripts/engine.sh stop    end the engine, if `start` started it
#   scripts/engine.sh status  say which engine answers; exit status 1 if none does
#
# What we started is remembered in var/engine/dockerd.pid together with its start time, so that
# `stop` never ends a stranger that has got the same pid since.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
state="$here/var/engine"
pidfile="$state/dockerd.pid"
ours="$state/ours"
log="$state/dockerd.log"
wait_s=60

say() { echo "engine: $*" >&2; }
fail() { say "$1"; [ $# -lt 2 ] || echo "    $2" >&2; exit 1; }

answers() { command -v docker >/dev/null 2>&1 && docker version --format . >/dev/null 2>&1; }

# The identity of a process: its pid and the clock tick at which it started (proc(5), field 22).
identity() {
    [ -r "/proc/$1/stat" ] || return 1
    rest=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) || return 1
    # shellcheck disable=SC2086
    set -- "$1" $rest
    shift 20
    echo "$1"
}

has() { command -v "$1" >/dev/null 2>&1; }

# Install what is missing of engine, client, compose, and the engine's own helper.
install_packages() {
    missing=""
    has dockerd || missing="docker.io"
    has iptables || missing="$missing iptables"
    has docker-compose || docker compose version >/dev/null 2>&1 || missing="$missing docker-compose"
    has docker || missing="$missing docker-cli"
    [ -n "$missing" ] || return 0
    has apt-get ||
        fail "cannot install $missing: there is no apt-get" "install and start a Docker engine yourself"
    say "installing $missing"
    apt-get update -qq -o DPkg::Lock::Timeout=300
    if ! apt-cache show docker-cli >/dev/null 2>&1; then
        # Before Debian 13 the client comes with docker.io.
        missing=$(echo "$missing" | sed 's/docker-cli/docker.io/')
    fi
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=300 $missing >/dev/null
}

start() {
    if answers; then
        say "an engine answers: $(docker version --format '{{.Server.Version}}')"
        return 0
    fi
    [ "$(id -u)" = 0 ] || fail "no engine answers and only root can start one" \
        "start Docker, or join the group docker, or run this as root"
    install_packages
    mkdir -p "$state"
    if ! answers; then
        say "starting dockerd; its log is $log"
        rm -f "$pidfile" "$ours"
        setsid dockerd --pidfile "$pidfile" >"$log" 2>&1 </dev/null &
        echo "$! $(identity "$!")" >"$ours"
    fi
    waited=0
    until answers; do
        sleep 1
        waited=$((waited + 1))
        [ "$waited" -lt "$wait_s" ] || { tail -n 20 "$log" >&2; fail "no engine after $wait_s s"; }
    done
    say "an engine answers: $(docker version --format '{{.Server.Version}}')"
}

stop() {
    [ -s "$ours" ] || { say "nothing to stop: no engine was started by this script"; return 0; }
    read -r pid since <"$ours"
    if [ "$(identity "$pid" || true)" = "$since" ]; then
        kill -TERM "$pid"
        waited=0
        while [ "$(identity "$pid" || true)" = "$since" ] && [ "$waited" -lt "$wait_s" ]; do
            sleep 1
            waited=$((waited + 1))
        done
        say "stopped the engine, pid $pid"
    else
        say "the engine that this script started is gone already"
    fi
    rm -f "$ours"
}

case "${1-}" in
start) start ;;
stop) stop ;;
status) answers || fail "no engine answers" "scripts/engine.sh start"
    say "an engine answers: $(docker version --format '{{.Server.Version}}')" ;;
*) echo "usage: scripts/engine.sh start|stop|status" >&2; exit 2 ;;
esac
