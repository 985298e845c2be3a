#!/bin/sh
# Runs `bocian` with the words that come. Its compiled kernel is copied to where numba may write,
# which it insists on; without, the first start would compile for half a minute.
set -eu
mkdir -p "$NUMBA_CACHE_DIR"
cp -R /opt/bocian/numba/. "$NUMBA_CACHE_DIR"
exec bocian "$@"
