"""What a blog is: frozen values and their rules. Imports nothing of fedblog."""
