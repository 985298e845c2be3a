"""A process that has imported the service, and forks one for each line that it reads.

`python forking.py`; a line is `[environment, port]` in JSON, the answer the id of the process,
which runs what a worker of BentoML would.
"""

from __future__ import annotations

import json
import os
import signal
import sys

import uvicorn

import serving.api.app
import serving.engine  # noqa: F401 - the service imports them when it starts
from features.warm import warm
from serving.service import _Api

if __name__ == "__main__":
    warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who ended is gone, and no zombie
    for line in sys.stdin:
        environment, port = json.loads(line)
        child = os.fork()
        if not child:
            os.environ |= environment
            uvicorn.run(_Api().start(), port=port, log_level="error")
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
