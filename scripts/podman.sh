#!/bin/sh
# Podman for the tests of pods: what is missing is installed, nothing of the machine is configured.
#
#   scripts/podman.sh install        podman with runc, and what its pods need (as root, on Debian)
#   scripts/podman.sh config FILE    write a containers.conf for CONTAINERS_CONF
#
# Pods need an infra image: podman makes one of its own from catatonit, without any registry.
set -eu

say() { echo "podman: $*" >&2; }

install_packages() {
    missing=""
    for pair in podman:podman runc:runc catatonit:catatonit; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
    done
    [ -d /usr/lib/cni ] || missing="$missing containernetworking-plugins"
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        say "cannot install$missing without root and apt-get"
        echo "    apt-get install$missing" >&2
        return 1
    fi
    say "installing$missing"
    apt-get update -qq -o DPkg::Lock::Timeout=300
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=300 $missing >/dev/null
}

# runc, whatever the default is; no systemd; limits as a node of Kubernetes has them, or more.
write_config() {
    cat >"$1" <<'EOF'
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"

[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
log_driver = "k8s-file"
EOF
}

case "${1-}" in
install) install_packages ;;
config)
    [ $# = 2 ] || { echo "usage: scripts/podman.sh config FILE" >&2; exit 2; }
    write_config "$2"
    ;;
*) echo "usage: scripts/podman.sh install|config FILE" >&2; exit 2 ;;
esac
