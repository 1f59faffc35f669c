"""The names of the capabilities, in the order of their numbers: capabilities(7)."""

from __future__ import annotations

NAMES = (
    *("chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid"),
    *("setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw"),
    *("ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct"),
    *("sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod"),
    *("lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog"),
    *("wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore"),
)
SECUREBITS = (
    *("noroot", "noroot_locked", "no_setuid_fixup", "no_setuid_fixup_locked"),
    *("keep_caps", "keep_caps_locked", "no_cap_ambient_raise", "no_cap_ambient_raise_locked"),
)


def name(number: int) -> str:
    """Return what people call a capability; one that is too new by its number."""
    return NAMES[number].upper() if number < len(NAMES) else str(number)


def names(numbers: tuple[int, ...]) -> str:
    """Return what people call some capabilities."""
    return ", ".join([name(number) for number in numbers])
