"""Bytes in, samples out: serial ports, wire formats, and sensors simulated on a pseudo-terminal."""
