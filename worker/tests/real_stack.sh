#!/usr/bin/env bash
# Installs the worker's whole environment (Python 3.11, Linux x86-64; 2.7 GB to download, 6.2 GB on disk) and runs the
# worker with the real arc-stack on the CPU. VENV: where to install, .cache/venv-stack when unset; an environment that
# is there is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
venv="${VENV:-$(cd .. && pwd)/.cache/venv-stack}"
if [ ! -x "$venv/bin/stack-generation" ]; then
  "${PYTHON:-python3.11}" -m venv "$venv"
  "$venv/bin/pip" install --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
fi
CUDA_VISIBLE_DEVICES="" exec "$venv/bin/python" tests/real_stack.py
