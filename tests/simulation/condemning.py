"""What is promised of runs that are condemned, told again from the outside.

A condemned run is told to stop at once; "stop" and "exit" leave it down as failed; after "exit"
everything ends.  On the way down, and of another run than the one that there is, it means nothing.
"""

from properties import fail, is_up, row_of

FINAL = ("stop", "exit")
LIVING = ("Starting", "Running")


class Condemning:
    """The account of one world."""

    def __init__(self, world):
        self.world = world
        self.condemned = {}  # (key, run) -> what is to follow
        self.to_end = ""  # the key whose end is to be that of everything, in this step

    def before_effects(self, before, event):
        ev = self.world.core.events
        self.to_end = ""
        if isinstance(event, ev.Condemned) and _is_meant(self.world, before, event):
            self.condemned[event.key, event.run_id] = event.action
        elif isinstance(event, (ev.StopRequested, ev.RestartRequested, ev.StartRequested)):
            for key, run_id in [*self.condemned]:
                del self.condemned[key, run_id]  # somebody has other plans with all that need it

    def effect(self, before, effect):
        fx = self.world.core.effects
        if not isinstance(effect, fx.Announce) or effect.status is None:
            return
        action = self.condemned.pop((effect.key, effect.run_id), None)
        if action is None or not effect.reason:
            return
        if action in FINAL and effect.now in {"Backoff", "Fatal", "Starting"}:
            fail(self.world, f"{effect.key} was condemned to {action}, and is {effect.now}")
        if action == "exit" and effect.now == "Exited":
            self.to_end = effect.key

    def after_step(self, before, event, after, effects):
        ev, fx = self.world.core.events, self.world.core.effects
        hidden = row_of(after, self.to_end) is None or row_of(after, self.to_end).plan.hidden
        if self.to_end and is_up(before) and is_up(after) and not hidden:
            fail(self.world, f"{self.to_end} was condemned to exit, and everything goes on")
        if not isinstance(event, ev.Condemned):
            return
        if not _is_meant(self.world, before, event):
            if after != before:
                fail(self.world, f"{event.key} is condemned, and nobody is meant by it")
            return
        state = after.table[event.key].state
        # with it ends all else, or the reload that has brought it: it is told to stop once more
        told = not is_up(after) or any(isinstance(each, fx.PutBack) for each in effects)
        why = {event.reason, ""} if told else {event.reason}
        if type(state).__name__ != "Stopping" or state.failed not in why:
            fail(self.world, f"{event.key} is condemned, and is {type(state).__name__}")


def _is_meant(world, state, event):
    """Say whether the run that is condemned is there, and not on its way out."""
    row = row_of(state, event.key)
    if row is None or not is_up(state) or type(row.state).__name__ not in LIVING:
        return False
    return row.state.run.id == event.run_id
