"""Where the log goes: stderr, a line of text or a JSON object per event, as [logging] says."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import msgspec

from retinue.config import Config


class JsonFormatter(logging.Formatter):
    """One JSON object per event."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, with the traceback as a member."""
        event = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(event).decode()


def set_up_logging(config: Config) -> None:
    """Send the log to stderr in the form the configuration names; requests' addresses are never logged."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if config.logging.format == "json" else text)
    logging.basicConfig(level=config.logging.level.upper(), handlers=[handler], force=True)
    # What these say at start and stop the command says itself, or it concerns nobody.
    for name in ("uvicorn.error", "alembic", "dbos", "httpx"):
        logging.getLogger(name).setLevel("DEBUG" if config.logging.level == "debug" else "WARNING")
