"""Pages for people: posts, feeds, and the page cache in front of everything."""
