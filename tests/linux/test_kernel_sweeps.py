"""Whatever system call the kernel refuses, and whichever a signal comes with: PID 1 lives.

A sample; `python tests/linux/kernel_sweeping.py` sweeps over all of them.
"""

import pytest
from kernel_injecting import needs_strace
from kernel_sweeping import (
    DEADLY,
    LASTING,
    OTHERS,
    STOPS,
    Working,
    boot_jobs,
    boot_moments,
    outlive_at_boot,
    refuse_at_boot,
    sample,
    signal_main_at_boot,
    stop_at_boot,
    work_jobs,
)

pytestmark = needs_strace
EACH = 6  # of a sample, in a test: a boot takes about a second
SEEDS = range(3)

# What may last: no descriptor for anybody, no process, no memory, no answer from a disk.
LASTING_SHORTAGES = [
    ("openat:error=EMFILE", "pipe2:error=EMFILE"),
    ("openat:error=ENFILE", "pipe2:error=ENFILE", "socket:error=ENFILE"),
    ("clone:error=EAGAIN", "vfork:error=EAGAIN"),
    ("clone:error=ENOMEM", "vfork:error=ENOMEM", "mmap:error=ENOMEM", "openat:error=ENOMEM"),
    ("epoll_ctl:error=ENOMEM",),
    ("openat:error=EIO", "newfstatat:error=EIO", "getdents64:error=EIO"),
    ("openat:error=EROFS", "renameat:error=EROFS", "unlinkat:error=EROFS"),
    ("recvfrom:error=ENOMEM", "sendto:error=ENOBUFS"),
]


@pytest.fixture(scope="module")
def refusals():
    """Return every refusal that a boot here can meet."""
    return boot_jobs()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_boot_that_is_refused_something_succeeds_or_says_why_it_does_not(refusals, seed):
    reached = [refuse_at_boot(*job) for job in sample(refusals, EACH, seed)]
    assert sum(reached) >= EACH // 2  # not every boot makes the same number of calls


@pytest.mark.parametrize("call", ["pipe2", "clone", "epoll_create1", "openat", "mmap"])
def test_what_a_boot_cannot_do_without_is_told_in_the_kernels_words(refusals, call):
    first = next(job for job in refusals if job[0] == call)
    assert refuse_at_boot(*first)


def test_a_stop_that_comes_with_any_system_call_of_a_boot_is_obeyed():
    for at, moment in enumerate(sample(boot_moments(), 2 * EACH, 0)):
        stop_at_boot(*moment, STOPS[at % len(STOPS)])


def test_any_other_signal_that_comes_with_any_system_call_of_a_boot_is_outlived():
    for at, moment in enumerate(sample(boot_moments(), EACH, 1)):
        outlive_at_boot(*moment, OTHERS[at % len(OTHERS)])


def test_the_main_program_gets_a_signal_that_comes_with_any_system_call_of_a_boot():
    for at, moment in enumerate(sample(boot_moments(LASTING), 2 * EACH, 0)):
        signal_main_at_boot(*moment, DEADLY[at % len(DEADLY)])


def test_any_one_call_that_is_refused_at_work_hurts_nobody():
    with Working() as working:
        jobs = sample(work_jobs(working.calls()), 4 * EACH, 0)
        reached = [working.refuse(f"{name}:error={error}:when={at}") for name, error, at in jobs]
        assert sum(reached) >= EACH


@pytest.mark.parametrize("rules", LASTING_SHORTAGES, ids=lambda rules: rules[0])
def test_a_shortage_that_lasts_is_outlived_and_everybody_is_back_afterwards(rules):
    with Working() as working:
        assert working.refuse(*rules, hold_s=1.5)
