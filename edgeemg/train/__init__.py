"""Recordings in, trained networks and their metrics out. torch lives here and in the exporters."""
