"""Runs a program as long as whoever started this keeps stdin open: no daemon outlives the notebook that it is for.

Started by its file, and needs nothing but Python's own library.
"""

import os
import signal
import subprocess
import sys
import threading


def main() -> int:
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)

    def stop_at_end() -> None:
        while os.read(0, 1) != b"":
            pass
        child.terminate()

    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=stop_at_end, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main())
