"""The history of ends: the last ones, and of the very last what they said, in little room."""

from pyinit.core.status import ExitCode, NotExecuted, Signaled
from pyinit.runtime.history import ENDS, OUTPUT_CHARACTERS, OUTPUTS, End, History


def end(run_id, output="said"):
    return End(run_id, 70 + run_id, 1.0, 2.0, ExitCode(1), False, "why", output=output)


def test_the_last_ends_are_kept_and_the_very_last_with_what_they_said():
    history = History()
    for run_id in range(ENDS + 5):
        history.add("a", end(run_id))
    kept = history.of("a")
    assert [each.run_id for each in kept] == list(range(5, ENDS + 5))
    assert [each.output for each in kept] == [""] * (ENDS - OUTPUTS) + ["said"] * OUTPUTS


def test_of_endless_last_words_the_end_is_kept():
    history = History()
    history.add("a", end(1, "x" * 100_000 + "the end"))
    (kept,) = history.of("a")
    assert len(kept.output) == OUTPUT_CHARACTERS
    assert kept.output.endswith("xthe end")


def test_who_is_no_more_is_forgotten_and_what_was_carried_is_known():
    history, later = History(), History()
    history.add("a", end(1))
    later.restore(history.all())
    later.forget("b")
    assert later.of("a") == (end(1),)
    later.forget("a")
    assert later.of("a") == ()


def test_every_end_is_counted_by_its_status_and_the_counts_are_carried():
    history, later = History(), History()
    for run_id, status in enumerate(
        [ExitCode(3)] * (ENDS + 2) + [Signaled(9, True), NotExecuted("exec", 2)]
    ):
        history.add("a", End(run_id, 7, 1.0, 2.0, status, False, "why"))
    wanted = {"code:3": ENDS + 2, "signal:9": 1, "not-executed": 1}
    assert history.counts_of("a") == wanted
    later.restore(history.all(), history.counts())
    later.add("a", end(99))
    assert later.counts_of("a") == wanted | {"code:1": 1}
    assert history.counts_of("a") == wanted  # they are no longer the same numbers
    later.forget("a")
    assert later.counts_of("a") == {}
