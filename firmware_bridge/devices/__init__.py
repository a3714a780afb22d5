"""One module a sensor: its wire format as a pure parser, and a short table of facts."""
