#!/bin/sh
# Sets up the virtual environment that the Makefile uses, and names what the system lacks.
set -eu
: "${PYTHON:=python3}" "${VENV:=.venv}"

lacks() {
    echo "setup: $1" >&2
    exit 1
}

command -v "$PYTHON" >/dev/null 2>&1 ||
    lacks "no '$PYTHON' found: install Python 3.11 or newer, or name one: make PYTHON=python3.12"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    lacks "Python must be 3.11 or newer, '$PYTHON' is $("$PYTHON" -V): name another: make PYTHON=python3.12"
"$PYTHON" -c 'import venv, ensurepip' 2>/dev/null ||
    lacks "Python's venv is missing: on Debian or Ubuntu, apt-get install python3-venv"
"$PYTHON" - <<'EOF' || lacks "libgomp.so.1 is missing, which LightGBM needs: on Debian or Ubuntu, apt-get install libgomp1"
import ctypes, sys
if sys.platform == "linux":
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        sys.exit(1)
EOF

echo "setup: installing into $VENV (once; about a minute)"
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
"$VENV/bin/uv" pip sync --quiet --compile-bytecode --python "$VENV/bin/python" \
    --require-hashes requirements.lock
"$VENV/bin/uv" pip install --quiet --python "$VENV/bin/python" \
    --no-deps --no-build-isolation --editable .
echo "setup: compiling what is compiled (once)"
"$VENV/bin/python" -m features.warm
"$VENV/bin/python" -m models.warm
"$VENV/bin/python" -m serving.warm
