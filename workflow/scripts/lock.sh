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

# The published build of torch asks for one version of triton, which the tests use on a CPU too; others ask for none.
torch=$("$folder/bin/python" -m pip list --format=freeze | grep '^torch==')
case $torch in *+*)
    echo "$torch is not the build of torch that is installed by default: make the lock where pip finds that one" >&2
    exit 1
    ;;
esac

# Left out: this project, and the GPU libraries, which torch brings along.
{
    echo "# Exact versions of everything the project installs (CPython 3.11). Remake: see 'make lock'."
    "$folder/bin/python" -m pip list --format=freeze --exclude pip --exclude rtrl-bench |
        sed -E 's/^[^=]+/\L&/' |
        grep -vE '^(nvidia-|cuda-)' | sort
} >"$folder/lock"
cp "$folder/lock" "$lock"
