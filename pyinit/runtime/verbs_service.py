"""What the verbs of the control socket share: the desk, the meaning of names, deadlines."""

from __future__ import annotations

from pyinit.core import phases
from pyinit.core.phases import Up
from pyinit.core.states import NEVER
from pyinit.protocol.messages import Refused
from pyinit.protocol.names import CostlyName, UnknownName, resolve
from pyinit.runtime.changed import Changed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.desk import Desk


PATIENCE_S = 3e8  # ten years: a longer timeout is none, and the kernel takes no such number


class Service:
    """The desk, and what requests mean at it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.changed = Changed()

    @property
    def draining(self) -> bool:
        """Whether readiness was taken back by request."""
        return self.desk.state.drained_at != NEVER

    def row(self, key: str) -> Process | None:
        """Return the process as it is now, None if it left the plan."""
        table = self.desk.state.table
        return table[key] if key in table else None  # noqa: SIM401  a table is no dict

    def rows(self, ask: Ask) -> list[Process]:
        """Return the processes that the request names, all but the hidden ones if it names none.

        Raises Refused (no-such-program) with every name that stands for nothing.
        """
        names = strings(ask.args.get("names"))
        if names:
            return self.named(names)
        return [row for row in self.desk.state.table if not row.plan.hidden]

    def named(self, names: list[str]) -> list[Process]:
        """Return the processes that `names` stand for.  Raises as `rows`."""
        table = self.desk.state.table
        try:
            return [table[key] for key in resolve(names, [row.plan for row in table])]
        except UnknownName as error:
            more: Object = {"names": list(error.unknown)}
            raise Refused("no-such-program", str(error), more) from None
        except CostlyName as error:
            raise Refused("bad-request", str(error)) from None

    def check_up(self, ask: Ask) -> None:
        """Raise Refused (stopping) where nothing new may be begun any more."""
        if not isinstance(self.desk.state.phase, Up):
            raise Refused("stopping", f"cannot {ask.verb}: pyinit is {self.phase}")

    @property
    def phase(self) -> str:
        """What pyinit as a whole is doing, as `status` shows it."""
        phase = self.desk.state.phase
        if self.draining and isinstance(phase, Up):
            return "draining"
        return phases.public_name(phase)

    def deadline(self, ask: Ask) -> float:
        """Return when the request's patience ends, infinity if it has no `timeout_s`.

        A re-exec does not lengthen it.
        """
        if ask.resumed is not None:
            return ask.resumed.deadline
        timeout_s = ask.args.get("timeout_s")
        if isinstance(timeout_s, int | float) and timeout_s < PATIENCE_S:
            return self.desk.now() + timeout_s
        return NEVER


def strings(value: object) -> list[str]:
    """Return an argument that was checked to be a list of strings, [] if it was left out."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def number(value: object, default: int) -> int:
    """Return an argument that was checked to be a whole number, or its default."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default
