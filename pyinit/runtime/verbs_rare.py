"""The verbs that only the gateway and supervisord's clients ask for: see `verbs`."""

from __future__ import annotations

from pyinit.runtime import (
    verbs_events,
    verbs_files,
    verbs_graph,
    verbs_groups,
    verbs_metrics,
    verbs_served,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.runtime.verbs import Handler

RARE: dict[str, Handler] = {
    "graph": verbs_graph.graph,
    "metrics": verbs_metrics.metrics,
    "doors": verbs_served.doors,
    "check-door": verbs_served.check_door,
    "info": verbs_served.info,
    "config-info": verbs_groups.config_info,
    "reread": verbs_groups.reread,
    "add-group": verbs_groups.add_group,
    "remove-group": verbs_groups.remove_group,
    "remote-event": verbs_events.remote_event,
    "read-log": verbs_files.read_log,
    "clear-log": verbs_files.clear_log,
    "write-stdin": verbs_files.write_stdin,
}
