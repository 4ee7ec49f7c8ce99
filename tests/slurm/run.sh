#!/usr/bin/env bash
# The workflow on a real SLURM of one node, which this script starts and ends: scale smoke in groups, a run that a time
# limit ends and further jobs continue, and the request for a GPU. run.sh FOLDER_OF_PYTHON
set -euo pipefail
bin=$(realpath "$1")
cd "$(dirname "$0")/../.."
source tests/slurm/cluster.sh
export PATH="$bin:$PATH"

work=$(mktemp -d /tmp/rtrl-bench-slurm.XXXXXX)
installed=()
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

main() {
    install_slurm
    start_cluster "$work/cluster"
    echo "== scale smoke, seven runs to a job"
    submit --groups run=small --group-components small=7 --config scale=smoke results="$work/results"
    python tests/slurm/check.py complete "$work/results/smoke" "$work/cluster/jobs.txt"

    echo "== a run that does not fit into one job"
    submit --configfile tests/slurm/in_parts.yaml --config results="$work/parts" -- tmaze
    snakemake --cores 1 --quiet all --configfile tests/slurm/in_parts.yaml \
        --config results="$work/whole" time_limit=60 -- tmaze
    python tests/slurm/check.py same "$work/parts/smoke" "$work/whole/smoke"

    echo "== two runs that share one GPU" # there may be none: what they ask for is what counts
    submit --groups run=shared --group-components shared=2 --config scale=smoke results="$work/gpu" device=cuda -- \
        "$work/gpu/smoke/runs/sequences/copy_task/copy/"{rtrl,tbptt}/seed0/run.json >"$work/gpu.out" 2>&1 || true
    scontrol show jobs | grep "TresPerNode=gres:gpu:1"
    echo "passed: the workflow on SLURM"
}

submit() { # Snakemake through the profile; without an end of its own where SLURM answers nothing
    timeout -k 30 1200 snakemake --workflow-profile workflow/profiles/slurm --cores 2 --latency-wait 5 --quiet reason host \
        --slurm-no-account --slurm-status-command squeue --slurm-init-seconds-before-status-checks 3 \
        --slurm-logdir "$work/logs" "$@"
}

install_slurm() {
    [ ! -e /etc/slurm/slurm.conf ] || skip "this machine has a SLURM of its own (/etc/slurm/slurm.conf)"
    [ "$(id -u)" = 0 ] || skip "it takes root to start SLURM's daemons"
    local program package
    for program in slurmctld:slurm-wlm munged:munge; do
        package=${program#*:}
        command -v "${program%:*}" >/dev/null || installed+=("$package")
    done
    [ ${#installed[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || skip "slurm-wlm and munge are missing, and so is apt-get to install them"
    echo "installing ${installed[*]}, to be removed at the end"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${installed[@]}" >"$work/apt.log" 2>&1 ||
        { tail -n 20 "$work/apt.log" && exit 1; }
}

skip() {
    printf '\n#### SKIPPED: the workflow on SLURM was NOT tested: %s ####\n\n' "$1" >&2
    exit 0
}

finish() { # also after an error
    local code=$?
    trap - EXIT
    stop_cluster
    # With SLURM's programs there and no SLURM running, each Snakemake would wait some seconds for an answer.
    if [ ${#installed[@]} -gt 0 ]; then
        DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq --auto-remove "${installed[@]}" >/dev/null 2>&1 || true
    fi
    if [ "$code" = 0 ]; then rm -rf "$work"; else echo "failed; logs are in $work" >&2; fi
    exit "$code"
}

main
