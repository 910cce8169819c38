"""Access tokens: made once, shown once, kept hashed.

A token is 256 random bits, so nobody can guess one or find it from its hash by trying: one SHA-256
is enough. A slow hash (bcrypt, Argon2) is for passwords, which people choose from few; here it
would only cost a tenth of a second a request. Source: NIST SP 800-63B, section 5.1.2.2 (look-up
secrets of at least 112 bits need no slow hash).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import msgspec

from ostinato.core.errors import ConfigError
from ostinato.core.ports import Clock
from ostinato.core.rng import secret_bytes
from ostinato.core.units import duration_ns
from ostinato.live.gateway.route import SCOPES, shown
from ostinato.live.published import read
from ostinato.stores.durable import write_whole
from ostinato.stores.turns import Turns

PREFIX: Final = "ost_"
"""What tokens begin with, so that scanners for leaked secrets know them."""

REREAD_NS: Final = 100_000_000
"""How long a change of the file may go unseen. Longer, and a revoked token opens doors for longer;
shorter, and every request asks the file system."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is kept: `sha256` of the secret in hex, times in nanoseconds since 1970."""

    name: str
    scopes: tuple[str, ...]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    made_ns: int
    expires_ns: int | None = None


class _Kept(msgspec.Struct, frozen=True):
    tokens: tuple[Token, ...] = ()


class Tokens:
    """The tokens of a service, in a file that only its owner may read.

    Several processes may use the file; each sees a change within `REREAD_NS`.

    Parameters
    ----------
    path
        The file; none there: no tokens.
    clock
        The wall clock, for expiry.
    elapsed_ns
        Nanoseconds since some moment, never going back: when to look at the file again.
    """

    def __init__(self, path: Path, *, clock: Clock, elapsed_ns: Callable[[], int]) -> None:
        self.path, self.clock, self.elapsed_ns = path, clock, elapsed_ns
        self._seen: tuple[int, int, int] | None = None
        self._next_look_ns: int | None = None
        self._tokens: list[tuple[bytes, Token]] = []

    def create(self, name: str, scopes: Sequence[str], expires: str | None = None) -> str:
        """Make a token and return its secret, which is kept nowhere.

        Parameters
        ----------
        name
            Who uses it; stands in the journal beside what they did.
        scopes
            What it allows, of `SCOPES`.
        expires
            After how long it ends, a duration such as ``"90d"``; None: never.

        Raises
        ------
        ConfigError
            If the name is taken or cannot be used, or a scope is unknown.
        """
        _check(name, scopes)
        lasting_ns = None if expires is None else duration_ns(expires, name="expires")
        secret = PREFIX + base64.urlsafe_b64encode(secret_bytes(32)).rstrip(b"=").decode()
        now_ns = self.clock.now_ns()
        token = Token(
            name=name,
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            sha256=hashlib.sha256(secret.encode()).hexdigest(),
            made_ns=now_ns,
            expires_ns=None if lasting_ns is None else now_ns + lasting_ns,
        )
        with self._changing() as kept:
            if any(each.name == name for each in kept):
                raise ConfigError(
                    "There is a token of this name",
                    found=name,
                    expected="another name",
                    hint="Revoke it first to make it anew.",
                )
            kept.append(token)
        return secret

    def revoke(self, name: str) -> None:
        """Take a token away.

        Raises
        ------
        ConfigError
            If there is none of this name.
        """
        with self._changing() as kept:
            left = [each for each in kept if each.name != name]
            if len(left) == len(kept):
                raise ConfigError(
                    "There is no token of this name",
                    found=shown(name),
                    expected=", ".join(each.name for each in kept) or "there are no tokens",
                )
            kept[:] = left

    def listed(self) -> tuple[Token, ...]:
        """Return the tokens in the order in which they were made, expired ones too.

        Raises
        ------
        StoreError
            If the file cannot be read.
        """
        return (read(self.path, _Kept) or _Kept()).tokens

    def find(self, secret: str) -> Token | None:
        """Return the token of a secret; None if there is none, or it has expired.

        Raises
        ------
        StoreError
            If the file cannot be read: then nobody is let in.
        """
        self._look()
        digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
        found = None
        # All are compared, each in constant time: the time taken tells nothing of a hash.
        for kept, token in self._tokens:
            if hmac.compare_digest(kept, digest):
                found = token
        if found is None or found.expires_ns is None or found.expires_ns > self.clock.now_ns():
            return found
        return None

    def _look(self) -> None:
        now_ns = self.elapsed_ns()
        if self._next_look_ns is not None and now_ns < self._next_look_ns:
            return
        seen = self._stamp()
        if seen != self._seen or self._next_look_ns is None:
            self._tokens = [(bytes.fromhex(each.sha256), each) for each in self.listed()]
        self._seen, self._next_look_ns = seen, now_ns + REREAD_NS

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            stat = os.stat(self.path)  # noqa: PTH116 - half the time of Path.stat
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    @contextmanager
    def _changing(self) -> Iterator[list[Token]]:
        turns = Turns(self.path.with_name(f"{self.path.name}.lock"))
        try:
            with turns:
                kept = list(self.listed())
                yield kept
                content = msgspec.json.format(msgspec.json.encode(_Kept(tuple(kept))), indent=1)
                write_whole(self.path, content, private=True)
        finally:
            turns.close()


def _check(name: str, scopes: Sequence[str]) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            "A token cannot have this name",
            found=shown(name),
            expected="1 to 64 letters, digits, '.', '_', '@', '-', beginning with one of the first",
        )
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise ConfigError(
            f"Token {name!r} has a scope that there is not"
            if unknown
            else f"{name!r} has no scope",
            found=shown(", ".join(unknown)) if unknown else None,
            expected=f"some of {', '.join(SCOPES)}",
        )
