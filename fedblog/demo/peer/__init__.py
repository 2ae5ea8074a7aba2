"""A second, small ActivityPub server for the demo, run as a process of its own.

It shares no code with fedblog: its signatures, its reading and its storage are written apart, so
that what it accepts says something about what fedblog sends.
"""
