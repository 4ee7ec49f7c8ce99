#!/usr/bin/env bash
# A report in headless Chromium, which this script installs where it may and removes again. run.sh PYTHON PAGE
set -euo pipefail
python=$(realpath -s "$1")
page=$(realpath "$2")
cd "$(dirname "$0")/../.."

installed=
finish() {
    [ -z "$installed" ] || apt-get purge -y -qq --auto-remove chromium >/dev/null 2>&1
}
trap finish EXIT

skip() {
    printf '\n#### SKIPPED: the page was NOT opened in a browser: %s ####\n\n' "$1" >&2
    exit 0
}

find_chromium() {
    command -v chromium || command -v chromium-browser || command -v google-chrome || true
}

if [ -z "$(find_chromium)" ]; then
    [ "$(id -u)" = 0 ] || skip "there is no Chromium, and installing it takes root"
    command -v apt-get >/dev/null || skip "there is no Chromium, and no apt-get to install it"
    echo "installing chromium, to be removed at the end"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 ||
        skip "apt-get could not install chromium"
    installed=yes
fi
"$python" tests/browser/check.py "$(find_chromium)" "$page"
