"""The conversation with other servers: receiving, deciding, delivering."""
