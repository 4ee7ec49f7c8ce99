#!/usr/bin/env bash
# Whether the versions of requirements.lock go together as they are published, whatever this machine's pip is set up with:
# builds of its own, such as a torch for CPUs alone, may ask for less. run.sh PYTHON
set -euo pipefail
python=$(realpath -s "$1")
cd "$(dirname "$0")/../.."

if said=$("$python" -m pip install --isolated --dry-run --ignore-installed --quiet -r requirements.lock 2>&1); then
    echo "passed: requirements.lock goes together as published"
elif grep -q ResolutionImpossible <<<"$said"; then
    printf '%s\n' "$said" >&2
    exit 1
else
    printf '%s\n#### SKIPPED: requirements.lock was NOT checked against what is published ####\n\n' "$said" >&2
fi
