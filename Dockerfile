# pyinit as an image: `docker build -t pyinit .`, then `FROM pyinit` and your program.
#
#   default           from scratch: Python, pyinit, certificates, time zones; no shell, no apt
#   --target core     the same without the web gateway
#   --target debian   on debian:trixie-slim, with a shell and apt
#
# Everything comes from Debian's own packages.  The builder may be the classic one or BuildKit,
# docker or podman: no RUN --mount, no heredoc.
ARG BASE=debian:trixie-slim

# ---- what all targets are made of
FROM ${BASE} AS builder
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates python3 python3-cronsim python3-defusedxml python3-jinja2 \
        python3-prometheus-client python3-starlette python3-tomli python3-uvicorn tzdata \
 && rm -rf /var/lib/apt/lists/*
COPY scripts/assemble.py scripts/sbom.py /src/scripts/
COPY pyproject.toml LICENSE /src/
COPY man /src/man
COPY pyinit /src/pyinit
RUN python3 -X no_debug_ranges /src/scripts/assemble.py --leave-out web /root-core \
 && python3 -X no_debug_ranges /src/scripts/assemble.py /root-default \
 && python3 -X no_debug_ranges /src/scripts/assemble.py --guest /root-guest

# ---- on Debian, with a shell and apt
FROM ${BASE} AS debian
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates python3 tzdata \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache \
        /var/log/apt /var/log/dpkg.log \
 && groupadd --gid 65532 nonroot \
 && useradd --uid 65532 --gid 65532 --create-home --shell /usr/sbin/nologin nonroot
COPY --from=builder /root-guest/ /
LABEL org.pyinit.control=/usr/bin/pyinitctl
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/usr/bin/pyinitctl", "health"]
ENTRYPOINT ["/usr/bin/pyinit"]

# ---- from scratch, without the gateway
FROM scratch AS core
COPY --from=builder /root-core/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LABEL org.pyinit.control=/usr/bin/pyinitctl
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/usr/bin/pyinitctl", "health"]
ENTRYPOINT ["/usr/bin/pyinit"]

# ---- the default: from scratch
FROM scratch AS default
COPY --from=builder /root-default/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LABEL org.pyinit.control=/usr/bin/pyinitctl
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/usr/bin/pyinitctl", "health"]
ENTRYPOINT ["/usr/bin/pyinit"]
