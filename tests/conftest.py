"""What holds for every test: a busy machine is no failure of a property."""

import ctypes
import os
import signal

from hypothesis import HealthCheck, settings

settings.register_profile(
    "pyinit",
    max_examples=100 * int(os.environ.get("PYINIT_FUZZ_TIMES", "1")),  # `make soak`: many more
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("pyinit")


IGNORED = 1  # SIG_IGN


def _undo_posix_spawn():
    """Let signals 32 and 33 be default again: whoever runs us by `make` has them ignored.

    make starts its commands by posix_spawn, in which glibc ignores the two signals that it keeps
    for itself; that is inherited, and sigaction(2) of the C library refuses to touch them.
    """
    number = {"x86_64": 13, "aarch64": 134}.get(os.uname().machine)  # rt_sigaction
    if number is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    default = ctypes.create_string_buffer(64)  # SIG_DFL, no flags, an empty mask
    for each in (32, 33):
        now = ctypes.create_string_buffer(64)  # begins with the handler, as default does
        if libc.syscall(number, each, None, now, 8) != 0:
            raise OSError(ctypes.get_errno(), f"cannot look at signal {each}")
        if int.from_bytes(now[:8], "little") == IGNORED:  # with threads, 33 has glibc's handler
            libc.syscall(number, each, default, None, 8)


def _undo_nohup():
    """Let what nohup or a shell's `&` has us ignore be as it is elsewhere."""
    usual = {signal.SIGINT: signal.default_int_handler}
    for each in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(each) is signal.SIG_IGN:
            signal.signal(each, usual.get(each, signal.SIG_DFL))


_undo_posix_spawn()
_undo_nohup()
