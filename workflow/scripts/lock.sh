#!/usr/bin/env bash
# Write LOCK: the versions that a fresh installation of the project with its development tools gets today.
set -euo pipefail
lock=$1
source "$(dirname "$0")/python.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

make_venv "$folder"
echo "resolving and installing into a temporary environment: some minutes"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check ".[dev,slurm]" setuptools

# Left out: this project, and the GPU libraries and the version suffix that belong to one build of torch.
{
    echo "# Exact versions of everything the project installs (CPython 3.11). Remake: see 'make lock'."
    "$folder/bin/python" -m pip list --format=freeze --exclude pip --exclude rtrl-bench |
        sed -E 's/\+[a-z0-9.]+$//; s/^[^=]+/\L&/' |
        grep -vE '^(nvidia-|cuda-|triton==)' | sort
} >"$folder/lock"
cp "$folder/lock" "$lock"
