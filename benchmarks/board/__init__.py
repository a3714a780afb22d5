"""A bundle and a recording in; what the whole wearable does on an emulated board, out.

    python -m benchmarks.board          (make board-test)

Debian arm64 under systemd in qemu, a sensor on its USB bus, this checkout's wheel installed in it.
Everything here is emulated: it shows that the parts work together, and says nothing of speed.
"""
