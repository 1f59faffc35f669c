#!/bin/sh
# The base image debian:trixie-slim, where it is not there and no registry can be reached.
#
#   scripts/bases.sh [IMAGE]     default: debian:trixie-slim
#
# Tried in turn: the image that the engine has, the registry, and mmdebstrap from a Debian mirror
# (APT_MIRROR, default http://deb.debian.org/debian).  The tar file stays in var/ for next time.
set -eu

image=${1-debian:trixie-slim}
here=$(cd "$(dirname "$0")/.." && pwd)
suite=$(echo "${image#*:}" | sed 's/-slim$//')
tar="$here/var/debian-$suite.tar"
mirror=${APT_MIRROR-http://deb.debian.org/debian}

say() { echo "bases: $*" >&2; }

if docker image inspect "$image" >/dev/null 2>&1; then
    exit 0
fi
if [ ! -s "$tar" ]; then
    say "pulling $image"
    if timeout 300 docker pull -q "$image" >/dev/null 2>&1; then
        exit 0
    fi
    say "no registry has it for us; making it from $mirror"
    if ! command -v mmdebstrap >/dev/null 2>&1; then
        [ "$(id -u)" = 0 ] || { say "cannot make $image: mmdebstrap is not installed
    apt-get install mmdebstrap"; exit 1; }
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            mmdebstrap debian-archive-keyring >/dev/null
    fi
    mkdir -p "$here/var"
    # Two runs at once must not write into each other's file; the format is not told by the name.
    part=$(mktemp "$here/var/debian-$suite.XXXXXX")
    trap 'rm -f "$part"' EXIT
    mmdebstrap --quiet --variant=minbase --format=tar \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$suite" - "$mirror" >"$part"
    mv "$part" "$tar"
fi
say "importing $tar as $image"
docker import -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    -c 'CMD ["bash"]' "$tar" "$image" >/dev/null
