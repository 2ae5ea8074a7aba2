"""Use-cases: write, revise, publish, delete a post; comment; moderate; media; and the outbox."""
