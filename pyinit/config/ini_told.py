"""What supervisord says of its files when it starts, for a pyinit that has its name."""

from __future__ import annotations

import posix

from pyinit.config.ini_section import Section
from pyinit.core.plan import DOOR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.ini_section import World

SERVERS = ("inet_http_server", "unix_http_server")
AS_ROOT = (
    "Supervisor is running as root.  Privileges were not dropped because no user is specified in "
    "the config file.  If you intend to run as root, you can set user=root in the config file to "
    "avoid this message."
)


def told(world: World, main: Section, uid: int | None) -> tuple[tuple[str, str, str], ...]:
    """Return (level, kind, sentence) in their order, as Plan has them.

    `uid` is whom pyinit becomes, None for nobody.
    """
    found: list[tuple[str, str, str]] = []
    if posix.geteuid() == 0:
        if main.has("user"):
            found.append(("info", "", f"Set uid to user {uid or 0} succeeded"))
        else:
            found.append(("critical", "", AS_ROOT))
    included = world.ini.files[1:]
    found += [("info", "", f'Included extra file "{file}" during parsing') for file in included]
    for kind in SERVERS:
        for block in world.ini.sections():
            section = Section(world, block, world.names)
            if section.kind == kind and not section.has("username"):
                text = f"Server '{block.name}' running without any HTTP authentication checking"
                found.append(("critical", DOOR, text))
    return tuple(found)
