"""Logs for machines: a line of JSON for each event, without anybody's data."""

from __future__ import annotations

import datetime as dt
import logging
import traceback
from pathlib import Path
from typing import Final

import orjson

from features.clock import iso, to_us

_OURS: Final = ("method", "route", "status", "ms")
"""What a line may hold beside its text; nothing else that is attached to a record is written."""


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON.

    Of an exception it tells the type and where it was raised. Its message may quote what a caller
    sent, so it stays out.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        at = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line: dict[str, object] = {
            "at": iso(to_us(at)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "event": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _OURS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, where = record.exc_info
            line["fault"] = kind.__qualname__
            line["frames"] = [
                f"{Path(frame.filename).name}:{frame.lineno}"
                for frame in traceback.extract_tb(where)
            ]
        return orjson.dumps(line).decode()


def in_json() -> None:
    """Let every handler that is there write lines of JSON, each event once."""
    named = (logging.getLogger(name) for name in logging.root.manager.loggerDict)
    for logger in (logging.root, *named):
        for handler in logger.handlers:
            handler.setFormatter(JsonLines())
            logger.propagate = False  # or the root's handler would tell it again
    logging.getLogger("bocian").setLevel(logging.INFO)
