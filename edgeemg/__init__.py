"""edgeemg: surface-EMG silent-speech classifiers, from recordings to a headless wearable.

Importing this package loads nothing heavy: numpy, torch and the engines come in with the
modules that need them.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("edgeemg")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
