"""Names of users and groups become numbers here, and nowhere after: PID 1 looks nothing up."""

from __future__ import annotations

from pyinit.config.problems import ValueFault
from pyinit.config.values import shown
from pyinit.core.record import Record


class Account(Record):
    """A user: its numbers, name and home; of a number without an entry only that is known."""

    uid: int
    gid: int | None
    groups: tuple[int, ...] | None
    name: str
    home: str | None


NOBODY_AT_ALL = (1 << 32) - 1  # -1 means "leave it" to the kernel
NUMBERS_FIX = "make it in the image, or write the number: numbers need no entry"


class Accounts:
    """The system's users and groups.  Numbers need no entry."""

    def user(self, value: object) -> Account:
        """Return a user by name or number.  Raises ValueFault."""
        import pwd

        text = _text(value, "user")
        number = _number(text, "user")
        try:
            entry = pwd.getpwnam(text) if number is None else pwd.getpwuid(number)
        except KeyError:
            if number is not None:
                return Account(number, None, None, text, None)
            fix = NUMBERS_FIX
            if ":" in text:
                fix = "write the group as `group`, on a line of its own"
            raise ValueFault(f'there is no user "{text}"', fix) from None
        groups = self._groups_of(entry.pw_name, entry.pw_gid)
        return Account(entry.pw_uid, entry.pw_gid, groups, entry.pw_name, entry.pw_dir)

    def group(self, value: object) -> int:
        """Return a group's number.  Raises ValueFault."""
        import grp

        text = _text(value, "group")
        number = _number(text, "group")
        if number is not None:
            return number
        try:
            return grp.getgrnam(text).gr_gid
        except KeyError:
            raise ValueFault(f'there is no group "{text}"', NUMBERS_FIX) from None

    def owner(self, value: object) -> tuple[int, int | None]:
        """Return (uid, gid) of "user" or "user:group".  Raises ValueFault."""
        name, colon, group = _text(value, "user").partition(":")
        account = self.user(name)
        return account.uid, self.group(group) if colon else account.gid

    def become(
        self, account: Account | None, gid: int | None
    ) -> tuple[int | None, tuple[int, ...] | None]:
        """Return (gid, supplementary groups) of what runs as `account` and, if given, `gid`."""
        if account is None or gid is None:
            return (gid, None) if account is None else (account.gid, account.groups)
        if account.groups is None:
            return gid, None
        return gid, self._groups_of(account.name, gid)

    def _groups_of(self, name: str, gid: int) -> tuple[int, ...]:
        import posix

        return tuple(sorted(set(posix.getgrouplist(name, gid))))


def _text(value: object, what: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueFault(f"{shown(value)} is no {what}", "write a name or a number")
    text = str(value).strip()
    if not text or "\0" in text:
        raise ValueFault(f"a {what} is a name or a number", "write a name or a number")
    return text


def _number(text: str, what: str) -> int | None:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        return None
    if digits != text or len(text) > 10 or int(text) >= NOBODY_AT_ALL:
        raise ValueFault(f"{text} is no number of a {what}", "they go from 0 to 4294967294")
    return int(text)
