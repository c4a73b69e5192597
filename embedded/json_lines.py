"""Log lines as Lambda's runtime writes them in its JSON format, so that what finds a story here finds it there.

What a record carries beyond what every record has stands beside `message`, under its own name
(awslambdaric 4.2.2, `lambda_runtime_log_utils.py`).
"""

import json
import logging
import time
import traceback
from typing import Any

_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """One line of JSON a record."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0] is not None:
            kind, error, trace = record.exc_info
            line |= {"stackTrace": traceback.format_tb(trace), "errorType": kind.__name__, "errorMessage": str(error)}
        line |= {name: value for name, value in vars(record).items() if name not in _EVERY_RECORD | line.keys()}
        return json.dumps({name: value for name, value in line.items() if value is not None}, ensure_ascii=False)
