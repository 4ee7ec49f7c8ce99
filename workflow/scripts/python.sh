# Sourced: find_python prints a Python that the project runs on, or says what is needed.

find_python() {
    local candidate
    for candidate in python3.11 python3.12 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no Python 3.11 or 3.12 found (python3 is $(python3 --version 2>&1)); install one of them" >&2
    return 1
}

make_venv() { # FOLDER, of which nothing is kept
    local python
    python=$(find_python)
    "$python" -m venv --clear "$1" || {
        echo "error: $python cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2
        return 1
    }
}
