"""The size of an OpenBCI Cyton's count, for what is imported from one and generated as if by one.

A recording is played back bit for bit only where this is the number that the bridge divides by.
"""

from edgeemg.data.bdf import LARGEST_COUNT

# ADS1299 at the board's default: 4.5 V reference, gain 24, 24 bits (OpenBCI, "Cyton data format")
MICROVOLTS_PER_COUNT = 4.5 / 24 / LARGEST_COUNT * 1e6
