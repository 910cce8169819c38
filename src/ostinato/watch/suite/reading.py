"""A suite read from text; what is wrong is told with its key and line."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from ostinato.core.errors import ConfigError
from ostinato.watch.suite.bounds import KINDS, Batch, Bound, Column, LabelExpected, Part, Range

_HEADER: Final = re.compile(r"\s*\[(?!\[)((?:[^\]\"']|\"(?:[^\"\\]|\\.)*\"|'[^']*')+)\]\s*(?:#.*)?")
_KEY: Final = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*=""")
_AT_LINE: Final = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")
_COLUMN_KEYS: Final = ("kind", "missing", "range", "far", "values", "new", "same", "repeated")
_LABEL_KEYS: Final = ("column", "time", "known", "new", "range", "same", "delay", "classes")


def parsed(text: str, source: str) -> dict[str, Any]:
    """Read a suite's text as the fields of a `Suite`.

    Parameters
    ----------
    text
        TOML.
    source
        What it is called in errors: a path.

    Raises
    ------
    ConfigError
        If it is no TOML, or a key is unknown, missing or has a wrong value.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line = found.group(1) if found and found.group(1) else text.rstrip().count("\n") + 1
        raise ConfigError(
            f"The suite {source} is no TOML, line {line}",
            found=_AT_LINE.sub("", str(error)).strip(),
            expected="key = value lines under [section] lines",
            hint='Texts stand in double quotes; odd names of columns too: [columns."like this"].',
        ) from error
    return _Reading(source=source, text=text, document=document).suite()


@dataclass(slots=True)
class _Reading:
    """A document being read, and where its keys stand."""

    source: str
    text: str
    document: Mapping[str, Any]
    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._locate()

    def suite(self) -> dict[str, Any]:
        self._known("", self.document, ("suite", "batch", "label", "columns"))
        head = self._section("suite", self.document.get("suite", {}))
        if "suite" not in self.document:
            self._wrong("", "suite", "is missing", None, "a section [suite] with name and version")
        version = head.get("version", 1)
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            self._wrong("suite", "version", "is no version", version, "a whole number from 1 on")
        columns = self._section("columns", self.document.get("columns", {}))
        aside = ("name", "version", "digest")
        return {
            "name": self._text("suite", head, "name"),
            "version": version,
            "written": self._text("suite", head, "digest"),
            "inferred": {k: v for k, v in head.items() if k not in aside},
            "batch": self._batch(),
            "label": self._label(),
            "columns": {name: self._column(name, each) for name, each in columns.items()},
            "notes": self.notes,
        }

    # -- parts of the document

    def _batch(self) -> Batch:
        body = self._section("batch", self.document.get("batch", {}))
        self._known("batch", body, ("rows", "duplicates"))
        rows = self._inline("batch", body, "rows", ("warn", "fail"))
        for name, value in rows.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                self._wrong("batch", "rows", f"has no count as {name}", value, "a whole number")
        return Batch(
            least_warn=rows.get("warn"),
            least_fail=rows.get("fail"),
            duplicates=self._bound("batch", body, "duplicates"),
        )

    def _label(self) -> LabelExpected | None:
        if "label" not in self.document:
            return None
        body = self._section("label", self.document["label"])
        self._known("label", body, _LABEL_KEYS)
        column = self._text("label", body, "column")
        if not column:
            self._wrong("label", "column", "is missing", None, "the column with the labels")
        classes = self._section("label.classes", body.get("classes", {}))
        return LabelExpected(
            column=column,
            time=self._text("label", body, "time"),
            known=self._text("label", body, "known"),
            classes={name: self._part(classes, name) for name in classes},
            new=self._bound("label", body, "new"),
            range=self._range("label", body, "range"),
            same=self._bound("label", body, "same"),
            delay=self._range("label", body, "delay"),
        )

    def _column(self, name: str, given: Any) -> Column:
        at = f"columns.{name}"
        body = self._section(at, given)
        self._known(at, body, _COLUMN_KEYS)
        kind = self._text(at, body, "kind") or None
        if kind is not None and kind not in KINDS:
            self._wrong(at, "kind", "is unknown", repr(kind), ", ".join(KINDS))
        values = body.get("values")
        texts = isinstance(values, list) and all(isinstance(each, str) for each in values)
        if values is not None and not texts:
            self._wrong(at, "values", "is no list of texts", values, 'texts, as ["AA", "UA"]')
        return Column(
            kind=kind,
            missing=self._bound(at, body, "missing"),
            range=self._range(at, body, "range"),
            far=self._range(at, body, "far"),
            values=None if values is None else tuple(values),
            new=self._bound(at, body, "new"),
            same=self._bound(at, body, "same"),
            repeated=self._bound(at, body, "repeated"),
        )

    def _bound(self, at: str, body: Mapping[str, Any], name: str) -> Bound | None:
        found = self._inline(at, body, name, ("warn", "fail"))
        return self._shares(at, name, found) if name in body else None

    def _range(self, at: str, body: Mapping[str, Any], name: str) -> Range | None:
        if name not in body:
            return None
        found = self._inline(at, body, name, ("low", "high", "warn", "fail"))
        low, high = (self._number(at, name, found, end) for end in ("low", "high"))
        if low > high:
            self._wrong(
                at, name, "has a low end above its high one", f"{low:g} > {high:g}", "low <= high"
            )
        return Range(low=low, high=high, beyond=self._shares(at, name, found))

    def _part(self, body: Mapping[str, Any], name: str) -> Part:
        at = "label.classes"
        found = self._inline(at, body, name, ("low", "high", "fail"))
        low, high = (self._share(at, name, found, end) for end in ("low", "high"))
        fail = self._share(at, name, found, "fail")
        return Part(low=low or 0.0, high=1.0 if high is None else high, fail=fail)

    def _shares(self, at: str, name: str, found: Mapping[str, Any]) -> Bound:
        warn, fail = (self._share(at, name, found, each) for each in ("warn", "fail"))
        if warn is not None and fail is not None and warn > fail:
            self._wrong(
                at, name, "warns later than it fails", f"{warn:g} > {fail:g}", "warn <= fail"
            )
        return Bound(warn=warn, fail=fail)

    # -- values

    def _share(self, at: str, name: str, found: Mapping[str, Any], end: str) -> float | None:
        if end not in found:
            return None
        value = self._number(at, name, found, end)
        if not 0.0 <= value <= 1.0:
            self._wrong(at, name, f"has {end} out of range", value, "a share of rows, 0 to 1")
        return value

    def _number(self, at: str, name: str, found: Mapping[str, Any], end: str) -> float:
        value = found.get(end)
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits or math.isnan(float(value)):  # type: ignore[arg-type]
            self._wrong(at, name, f"has no number as {end}", value, f"{end} = a number")
        return float(value)  # type: ignore[arg-type]

    def _text(self, at: str, body: Mapping[str, Any], name: str) -> str:
        value = body.get(name, "")
        if not isinstance(value, str):
            self._wrong(at, name, "is no text", value, 'a text, as "temp"')
        return value

    def _inline(
        self, at: str, body: Mapping[str, Any], name: str, keys: Iterable[str]
    ) -> Mapping[str, Any]:
        found = body.get(name, {})
        if not isinstance(found, dict):
            like = ", ".join(f"{each} = ..." for each in keys)
            self._wrong(at, name, "is no table", found, f"{{ {like} }}")
        self._known(at, found, keys, inside=name)
        return found

    def _section(self, at: str, found: Any) -> Mapping[str, Any]:
        if not isinstance(found, dict):
            self._wrong("", at, "is no section", found, f"a section [{at}]")
        return found

    def _known(
        self, at: str, body: Mapping[str, Any], keys: Iterable[str], *, inside: str = ""
    ) -> None:
        names = list(keys)
        for name in body:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
                where = f"{inside}.{name}" if inside else name
                hint = f"{near[0]}?" if near else None
                self._wrong(at, where, "is unknown", None, ", ".join(names), hint, line_of=inside)

    def _wrong(
        self,
        at: str,
        name: str,
        what: str,
        found: Any,
        expected: str,
        hint: str | None = None,
        line_of: str = "",
    ) -> NoReturn:
        line = self.lines.get((at, line_of or name)) or self.lines.get((name, "")) or 0
        line = line or self.lines.get((at, ""), 0)
        full = f"{at}.{name}" if at else name
        raise ConfigError(
            f"In the suite {self.source}" + (f", line {line}" if line else "") + f": {full} {what}",
            found=None if found is None else str(found)[:80],
            expected=expected,
            hint=hint,
        )

    # -- places

    def _locate(self) -> None:
        """Find the line of every section and key, and the comments right above them."""
        at = ""
        above: list[str] = []
        for number, line in enumerate(self.text.split("\n"), start=1):
            bare = line.strip()
            header, named = _HEADER.fullmatch(line), _KEY.match(line)
            place = None
            if header:
                at = _path(header.group(1))
                place = (at, "")
            elif named:
                place = (at, _path(named.group(1)))
            if place is not None:
                self.lines.setdefault(place, number)
                if above and at != "suite":
                    self.notes[place] = " ".join(above)
            above = [*above, bare[1:].strip()] if bare.startswith("#") else []


def _path(written: str) -> str:
    """Return a key as it is read: quotes off, parts joined by dots."""
    try:
        body: Any = tomllib.loads(f"{written} = 0")
    except tomllib.TOMLDecodeError:
        return ""  # the inside of a list over several lines, which looks like a key
    parts = []
    while isinstance(body, dict):
        name, body = next(iter(body.items()))
        parts.append(name)
    return ".".join(parts)
