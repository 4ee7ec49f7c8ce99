#!/usr/bin/env bash
# The virtual environment FOLDER with the versions of requirements.lock and this project; called by make.
set -euo pipefail
venv=$1
source "$(dirname "$0")/python.sh"
export PIP_DISABLE_PIP_VERSION_CHECK=1

# pip and apt-get warn of much that a reader cannot change; what they say matters where they fail.
quietly() { # COMMAND...
    local said
    said=$("$@" 2>&1) || { printf '%s\n' "$said" >&2 && return 1; }
}

# An attempt without Debian's python3-venv leaves a Python that has no pip.
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || make_venv "$venv"
echo "installing requirements.lock into $venv: about 3 minutes the first time"
quietly "$venv/bin/python" -m pip install --quiet --requirement requirements.lock
# The lock has the build tools too, so nothing is fetched here.
quietly "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .

# ProcGen alone needs libraries of the system.
libraries_found() {
    "$venv/bin/python" -c '
import ctypes
for name in ("libGL.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0"):
    ctypes.CDLL(name)' 2>/dev/null
}

install_libraries() {
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    command -v apt-get >/dev/null || return
    "${as_root[@]}" true 2>/dev/null || return
    echo "installing the libraries that ProcGen needs: libgl1 libglib2.0-0"
    quietly "${as_root[@]}" apt-get update -qq &&
        quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends libgl1 libglib2.0-0
}

libraries_found || install_libraries || true
libraries_found || {
    echo "ProcGen is left out: it needs two libraries of the system. All else goes on. To add it:"
    echo "    sudo apt-get install libgl1 libglib2.0-0"
}
