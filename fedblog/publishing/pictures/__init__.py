"""Pictures of others, decoded in a process of its own: `Darkroom` here, the work in `worker`.

Nothing but the standard library and Pillow is imported by what the worker imports.
"""
