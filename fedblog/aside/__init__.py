"""Work in processes of its own: `Process` is one of them, `Room` who waits for it.

What runs in such a process imports `serving` (or is called by `functions`) and only what it needs.
Nothing here knows what the work is.
"""
