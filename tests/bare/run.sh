#!/usr/bin/env bash
# The README's two commands on a new machine: a minimal Debian 12 with what the README asks for and nothing else, made
# for this and removed again. Where that is not allowed, they run on this machine, and the message says so in capitals.
# Either way the results of scale smoke are in results/smoke afterwards.
set -euo pipefail
cd "$(dirname "$0")/../.."

RELEASE=bookworm
PACKAGES=python3,python3-venv,git,make,ca-certificates
COMMANDS="make reproduce SCALE=smoke && make test"

work= # folder of the root; removed at the end
inside= # process in the root
debootstrap_installed=

main() {
    trap finish EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
    [ "$(id -u)" = 0 ] || run_here "making such a system takes root"
    mirror=$(find_mirror)
    [ -n "$mirror" ] || run_here "apt knows no Debian $RELEASE"
    unshare --mount --pid --fork --mount-proc true 2>/dev/null || run_here "unshare is missing or not permitted"
    install_debootstrap || run_here "apt-get could not install debootstrap"

    work=$(mktemp -d /var/tmp/rtrl-bench-bare.XXXXXX)
    make_root "$work/root"
    git clone --quiet . "$work/root/rtrl-bench"
    # What is mounted and started in there ends with the namespace, whatever happens.
    unshare --mount --pid --fork --kill-child tests/bare/enter.sh "$work/root" "cd /rtrl-bench && $COMMANDS" &
    inside=$!
    wait "$inside"
    rm -rf results/smoke
    mkdir -p results
    mv "$work/root/rtrl-bench/results/smoke" results/
    echo "passed: '$COMMANDS' in a minimal Debian ($RELEASE) with $PACKAGES"
}

find_mirror() { # the one that apt uses here; apt-get is what Debian has
    command -v apt-get >/dev/null && apt-get update -qq &&
        apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $RELEASE" 'Component: main' |
        head -n 1 || true
}

install_debootstrap() {
    ! command -v debootstrap >/dev/null || return 0
    echo "installing debootstrap, to be removed at the end"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap >/dev/null 2>&1 &&
        debootstrap_installed=yes
}

make_root() { # FOLDER
    echo "making a minimal Debian ($RELEASE): about a minute"
    debootstrap --variant=minbase --include="$PACKAGES" "$RELEASE" "$1" "$mirror" >"$work/debootstrap.log" 2>&1 ||
        { tail -n 20 "$work/debootstrap.log" >&2 && exit 1; }
    rm -rf "$1/etc/apt"
    cp -a /etc/apt "$1/etc/apt"
}

run_here() { # REASON
    printf '\n#### NOT ON A BARE MACHINE: %s. The commands run on this one, where a package that the README does ' "$1" >&2
    printf 'NOT name may be installed. ####\n\n' >&2
    bash -c "$COMMANDS"
    exit
}

finish() { # also after an error
    local code=$?
    trap - EXIT
    [ -z "$inside" ] || kill -KILL "$inside" 2>/dev/null || true
    [ -z "$inside" ] || wait "$inside" 2>/dev/null || true
    [ -z "$work" ] || rm -rf --one-file-system "$work"
    [ -z "$debootstrap_installed" ] || apt-get purge -y -qq --auto-remove debootstrap >/dev/null 2>&1 || true
    exit "$code"
}

main
