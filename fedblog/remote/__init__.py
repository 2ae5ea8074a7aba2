"""Every outbound request: guarded client, actor and key resolution, WebFinger look-up."""

import sys

# httpx has a command of its own; loading it would load click, rich and pygments: 5 MB for nothing.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
