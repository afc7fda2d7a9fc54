#!/bin/sh
# Builds the web client into web/dist, unless it is there and nothing changed since.
# `build.sh --install` only installs the packages.
set -eu
cd "$(dirname "$0")"

stamps=node_modules/.beckon
lock=$(sha256sum package-lock.json)
if [ "$(cat "$stamps/lock" 2>/dev/null)" != "$lock" ]; then
    echo "web: installing packages"
    npm ci --no-audit --no-fund --loglevel=error
    mkdir -p "$stamps"
    echo "$lock" >"$stamps/lock"
fi
[ "${1-}" != --install ] || exit 0

sources=$(find . \( -path ./node_modules -o -path ./dist \) -prune -o -type f -print |
    LC_ALL=C sort | tr '\n' '\0' | xargs -0 sha256sum | sha256sum)
if [ -f dist/index.html ] && [ "$(cat "$stamps/sources" 2>/dev/null)" = "$sources" ]; then
    echo "web: up to date"
    exit 0
fi
echo "web: building"
rm -f "$stamps/sources"
npm run --silent build
echo "$sources" >"$stamps/sources"
