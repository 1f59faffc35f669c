"""What is promised above all is promised by itself: there is a bug that breaks that, and no more."""

from pathlib import Path

import operations
import planting
import pytest
from properties import Violation
from world import World

FEW = 300
# A bug that breaks just that, and what is said when it is broken.
SENTENCES = {
    "every shutdown ends": (
        "nobody looks when the time of a phase has come",
        (
            "the shutdown never ends",
            "the shutdown is not over within",
            "the whole budget is used",
        ),
    ),
    "nothing is left behind": (
        "an orphan is left behind",
        (
            "are left behind",
            "is left behind",
            "left behind with time",
            "live on",
            "its last run",
        ),
    ),
    "the exit status is right": (
        "the exit status is only 0 or 1",
        ("would be true",),
    ),
    "there is no busy loop": (
        "who is to have another run is not due when its time has come",
        ("the loop spins", "never comes to an end"),
    ),
    "no process has two runs": (
        "a run whose fork is not reported yet is replaced at once",
        ("two live runs of", "before the old one was reaped", "which is not"),
    ),
    "no restart is lost": (
        "a restart while it stops is forgotten",
        ("the restart of",),
    ),
}


def is_whole(core, seed, muted):
    """Say whether a world holds if nobody is to notice what has a text of `muted`."""
    try:
        operations.play(World(seed, core, muted=muted))
    except (Violation, RecursionError, LookupError, AttributeError):
        return False
    return True


def first_that_is_alone(core, texts):
    """Return the first world that goes wrong by one of `texts`, and by nothing else, or None."""
    for seed in range(FEW):
        try:
            operations.play(World(seed, core))
        except (Violation, RecursionError, LookupError) as error:
            line = str(error).partition("\n")[0]
            if any(text in line for text in texts) and is_whole(core, seed, texts):
                return seed
    return None


@pytest.mark.slow
@pytest.mark.parametrize("sentence", SENTENCES)
def test_there_is_a_bug_that_breaks_just_the_promise_that(sentence, tmp_path):
    name, texts = SENTENCES[sentence]
    with planting.planted(planting.bug(name), tmp_path) as core:
        assert first_that_is_alone(core, texts) is not None


def test_what_is_said_of_a_broken_promise_is_said_somewhere():
    made = "".join([path.read_text() for path in Path(__file__).parent.glob("[!t]*.py")])
    for _, texts in SENTENCES.values():
        for text in texts:
            assert text in made
