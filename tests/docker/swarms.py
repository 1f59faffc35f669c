"""The engine in a swarm for a while, and as it was before afterwards."""

from contextlib import contextmanager

from boxes import alone

BRIDGE = "docker_gwbridge"


@contextmanager
def as_it_was(engine):
    """Keep others from swarms for the time of the block, and leave the one that is made in it.

    Yield whether there is one already: that one stays.
    """
    with alone("swarm"):
        if _is_in_one(engine):
            yield True
            return
        bridges = {each.name for each in engine.networks.list()}
        try:
            yield False
        finally:
            if _is_in_one(engine):
                engine.swarm.leave(force=True)
            for network in engine.networks.list(names=[BRIDGE]):
                if BRIDGE not in bridges:
                    network.remove()


def _is_in_one(engine):
    return engine.info()["Swarm"]["LocalNodeState"] == "active"
