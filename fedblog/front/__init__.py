"""What stands before routing: bounds on connections and on how requests come in."""
