"""A description that carries its own digest: whoever reads it knows whether it was changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ostinato.core.canonical import canonical_json, digest
from ostinato.core.errors import TamperedError


def sealed(document: Mapping[str, Any]) -> bytes:
    """Write a document as canonical JSON with its `digest` beside its other fields."""
    return canonical_json({**document, "digest": digest(document)}).encode()


def unsealed(content: bytes, *, place: str) -> dict[str, Any]:
    """Read what `sealed` wrote, without the digest.

    Raises
    ------
    TamperedError
        If it is no such document, or its digest is another one; `place` says where it lies.
    """
    try:
        document = dict(json.loads(content))
    except (ValueError, TypeError) as error:
        raise changed_description(place, f"{type(error).__name__}: {error}") from error
    written = document.pop("digest", None)
    if written != digest(document):
        raise changed_description(place, f"digest {written}")
    return document


def changed_description(place: str, found: str) -> TamperedError:
    """Make the error for a description that is not what was written."""
    return TamperedError(
        "The description of a version was changed",
        found=f"{place} ({found})",
        expected="the content its digest was taken from",
        hint="Restore it from a backup, or train the version again.",
    )
