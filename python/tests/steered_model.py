"""A model that predicts, fails or holds, as the file in its first argument says; the rest is what predicts.

"after PIPE" predicts once somebody has written to the pipe.
"""

import os
import signal
import sys
from pathlib import Path

behaviour = Path(sys.argv[1]).read_text()
if behaviour == "fail":
    sys.exit(3)
if behaviour == "hold":
    signal.pause()
if behaviour.startswith("after "):
    Path(behaviour.removeprefix("after ")).read_text()
os.execv(sys.argv[2], sys.argv[2:])
