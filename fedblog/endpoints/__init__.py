"""What other servers ask for: WebFinger, NodeInfo, actors, objects, collections, inbox."""
