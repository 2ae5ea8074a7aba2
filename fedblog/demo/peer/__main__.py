"""Run the peer: ``python -m fedblog.demo.peer --port N --database FILE``.

The secret of its control interface comes in the environment, as PEER_SECRET.
"""

import argparse
import os
from pathlib import Path

import uvicorn

from fedblog.demo.peer.app import build


def main() -> None:
    """Serve until stopped; on this machine only."""
    parser = argparse.ArgumentParser(prog="fedblog.demo.peer")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", type=Path, required=True)
    options = parser.parse_args()
    app = build(
        f"http://127.0.0.1:{options.port}", options.database, os.environ.get("PEER_SECRET", "")
    )
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
