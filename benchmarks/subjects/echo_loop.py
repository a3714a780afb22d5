"""A terminal in; a line on stdout for each byte that comes, and nothing else done.

python echo_loop.py PORT
"""

import os
import sys


def main(port: str) -> None:
    terminal = os.open(port, os.O_RDONLY | os.O_NOCTTY)
    while os.read(terminal, 1):
        os.write(1, b"here\n")


if __name__ == "__main__":
    main(sys.argv[1])
