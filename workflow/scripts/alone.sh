#!/usr/bin/env bash
# alone.sh SNAKEMAKE WORDS...: call it in the present folder. If no other one that was called like this is alive there, the
# locks that a killed one has left are taken away first, by Snakemake's own --unlock.
set -euo pipefail
snakemake=$1
shift
mkdir -p .snakemake
exec 9>.snakemake/alive # held by Snakemake, and not by its jobs, which may outlive it: Python closes it for them
if flock --nonblock --exclusive 9 2>/dev/null; then
    "$snakemake" --unlock --quiet all "$@" >/dev/null 2>&1 9>&- || true # what is wrong is said by the call that follows
fi
flock --shared 9 2>/dev/null || true # a file system without such locks
exec "$snakemake" "$@" # in place of this script, so that a signal to it reaches Snakemake, and none is left behind
