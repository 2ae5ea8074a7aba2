"""The demo blog and a small second fediverse server, run as a process of its own."""
