"""Log lines as JSON, one object a line."""

import logging
from datetime import UTC, datetime

import orjson


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, message and, if any, the error."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()
