#!/usr/bin/env bash
# The newest Python of this machine, with what the Python client needs, in .cache/venv-newest.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.cache/venv-newest

newest() {
  local version program
  for version in 3.14 3.13 3.12; do
    for program in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
      # A shim of pyenv may be there without the Python that it stands for.
      if "$program" -c "" 2>/dev/null; then
        echo "$program"
        return
      fi
    done
  done
  echo "newest Python: none is here beside the system's own, which is taken." >&2
  command -v python3
}

[ -x $venv/bin/python ] || "$(newest)" -m venv $venv
$venv/bin/pip install --quiet --disable-pip-version-check -r .ci/requirements-client.txt
