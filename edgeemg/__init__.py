"""edgeemg: surface-EMG silent-speech classifiers, from recordings to a headless wearable.

Importing this package loads nothing heavy: numpy, torch and the engines come in with the
modules that need them.
"""

__version__ = "0.1.0"  # written here: asking the installed metadata for it costs memory on a device
__all__ = ["__version__"]
