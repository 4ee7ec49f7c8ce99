#!/usr/bin/env bash
# Run COMMAND in the root ROOT, with this machine's network, certificates and pip settings. enter.sh ROOT COMMAND
# To be called in a mount and a process namespace of its own (tests/bare/run.sh), which end with it.
set -euo pipefail
root=$1
command=$2

SETTINGS='^(PIP_|SSL_CERT_|REQUESTS_CA_BUNDLE$|(http|https|no)_proxy$)' # environment variables that are handed in

main() {
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t sysfs -o ro sysfs "$root/sys"
    local path name kept=()
    while read -r path; do lend "$path"; done < <(network_files && pip_files)
    for name in $(compgen -e | grep -iE "$SETTINGS"); do kept+=("$name=${!name}"); done
    # This shell stays, as the first process here, so that processes whose parents die are waited for.
    env -i HOME="$HOME" TERM="${TERM:-dumb}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "${kept[@]}" chroot "$root" /bin/bash -c "$command"
}

network_files() {
    printf '%s\n' /etc/resolv.conf /etc/hosts /etc/ssl/certs /usr/local/share/ca-certificates
}

pip_files() { # its configuration files, and files and folders that its settings name; an index with the files beside it
    python3 -m pip config debug 2>/dev/null | sed -n 's/^ *\(.*\), exists: True$/\1/p'
    python3 -m pip config list 2>/dev/null | grep -oE "(file://)?/[^' ]+" | while read -r path; do
        case $path in
            file://*) dirname "${path#file://}" ;;
            //*) ;; # the rest of an address elsewhere
            *) echo "$path" ;;
        esac
    done
}

lend() { # PATH: the root has it too, at the same place, read-only
    local from=$1 to=$root$1
    [ -e "$from" ] || return 0
    if [ -d "$from" ]; then
        mkdir -p "$to"
    elif [ ! -e "$to" ]; then
        mkdir -p "$(dirname "$to")"
        touch "$to"
    fi
    mount --bind "$from" "$to"
    mount -o remount,bind,ro "$to"
}

main
