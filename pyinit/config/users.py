"""Names of users and groups become numbers here, and nowhere after: PID 1 looks nothing up."""

from __future__ import annotations

from pyinit.config.problems import ValueFault
from pyinit.core.record import Record


class Account(Record):
    """A user: its numbers, and its home and name if the system knows them."""

    uid: int
    gid: int | None
    groups: tuple[int, ...] | None
    name: str | None
    home: str | None


class Accounts:
    """The system's users and groups.  Numbers need no entry."""

    def user(self, value: object) -> Account:
        """Return a user by name or number.  Raises ValueFault."""
        import pwd

        text = str(value)
        if isinstance(value, bool) or not isinstance(value, str | int) or not text:
            raise ValueFault("a user is a name or a number")
        try:
            entry = pwd.getpwuid(int(text)) if text.isdigit() else pwd.getpwnam(text)
        except (KeyError, OverflowError):
            if text.isdigit() and int(text) < 1 << 32:
                return Account(int(text), None, None, None, None)
            fix = "make it in the image, or write the number: numbers need no entry"
            raise ValueFault(f'there is no user "{text}"', fix) from None
        groups = self._groups_of(entry.pw_name, entry.pw_gid)
        return Account(entry.pw_uid, entry.pw_gid, groups, entry.pw_name, entry.pw_dir)

    def group(self, value: object) -> int:
        """Return a group's number.  Raises ValueFault."""
        import grp

        text = str(value)
        if isinstance(value, bool) or not isinstance(value, str | int) or not text:
            raise ValueFault("a group is a name or a number")
        if text.isdigit():
            return int(text)
        try:
            return grp.getgrnam(text).gr_gid
        except KeyError:
            fix = "make it in the image, or write the number: numbers need no entry"
            raise ValueFault(f'there is no group "{text}"', fix) from None

    def owner(self, value: object) -> tuple[int, int | None]:
        """Return (uid, gid) of "user" or "user:group".  Raises ValueFault."""
        name, colon, group = str(value).partition(":")
        account = self.user(name)
        return account.uid, self.group(group) if colon else account.gid

    def _groups_of(self, name: str, gid: int) -> tuple[int, ...]:
        import os

        return tuple(sorted(set(os.getgrouplist(name, gid))))
