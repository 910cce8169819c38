"""An artifact is kept under the hash of its bytes, and checked against it each time it is read."""

from __future__ import annotations

import hashlib

from ostinato.core.errors import TamperedError


def content_hash(artifact: bytes) -> str:
    """SHA-256 of the bytes, in hex."""
    return hashlib.sha256(artifact).hexdigest()


def checked_artifact(artifact: bytes, expected: str, *, version: str, place: str) -> bytes:
    """Return the bytes if they have the expected hash.

    Raises
    ------
    TamperedError
        If they have another one; `version` and `place` say what and where.
    """
    found = content_hash(artifact)
    if found != expected:
        raise TamperedError(
            f"The artifact of version {version} was changed",
            found=f"{place} with SHA-256 {found}",
            expected=f"SHA-256 {expected}",
            hint="Restore it from a backup, or train the version again.",
        )
    return artifact
