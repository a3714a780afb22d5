"""A bundle in; latency, memory and the board's state out, measured where it runs."""
