"""edgeemg: surface-EMG silent-speech classifiers, from recordings to a headless wearable.

Importing this package loads nothing heavy: numpy, torch and the engines come in with the
modules that need them.
"""

import os

# onnxruntime 1.29 and later sends usage data home from Linux, and leaves a database of it in the
# user's cache, unless this is set before it loads. A wearable that hears silent speech does not.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"  # written here: asking the installed metadata for it costs memory on a device
__all__ = ["__version__"]
