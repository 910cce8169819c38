"""Make a folder ready in a process of its own, so that the supervisor stays small.

It loads the loop file and the data, which take hundreds of megabytes and may fail in any way; the
supervisor lives for months and needs neither. Called by `ostinato.live.service.set_up`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from ostinato.core.clock import WallClock
from ostinato.core.errors import ConfigError, OstinatoError
from ostinato.core.units import format_time
from ostinato.live.config import ServiceConfig
from ostinato.live.engine.bootstrap import prepare
from ostinato.live.keeper import UNUSABLE
from ostinato.live.layout import Layout
from ostinato.live.published import read
from ostinato.live.schema import InputSchema
from ostinato.live.service import read_config, settle
from ostinato.loop.loading import load_loop
from ostinato.stores.times import moment_ns


def make_ready(
    layout: Layout, config: ServiceConfig, *, data: Path | None, start: str | None
) -> list[str]:
    """Write how the service runs and, the first time, its history; return what to tell a person.

    Parameters
    ----------
    layout
        The folder.
    config
        How it runs; the name of the loop is filled in.
    data
        The history; None: what the loop file brings.
    start
        When serving begins.

    Raises
    ------
    OstinatoError
        If the loop file, the data or an option cannot be used.
    """
    config = msgspec.structs.replace(config, loop=load_loop(config.target).loop.name)
    schema = read(layout.schema, InputSchema)
    told = [] if schema is None else _later(schema, data, start)
    told += settle(layout, config)
    prepare(layout, read_config(layout), clock=WallClock(), data=data, start=start)
    return told


def _later(schema: InputSchema, data: Path | None, start: str | None) -> list[str]:
    """Check what only a first start can be told."""
    if start is not None and moment_ns(start, name="--start") != schema.start_ns:
        raise ConfigError(
            "--start cannot change in a folder: its log begins there",
            found=start,
            expected=format_time(schema.start_ns),
            hint="Leave it out, or start in another folder: --dir FOLDER.",
        )
    return [] if data is None else [f"--data: {data} is not read again after the first start"]


def main(arguments: list[str]) -> int:
    """Run as a program: what to know, or the error's facts, go to stdout as JSON."""
    parser = argparse.ArgumentParser(prog="ostinato.live.first_start")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--start")
    given = parser.parse_args(arguments)
    config = msgspec.json.decode(given.config, type=ServiceConfig)
    try:
        told = make_ready(Layout(given.dir), config, data=given.data, start=given.start)
    except OstinatoError as error:
        sys.stdout.write(msgspec.json.encode(error.to_dict()).decode())
        return UNUSABLE
    sys.stdout.write(msgspec.json.encode(told).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
