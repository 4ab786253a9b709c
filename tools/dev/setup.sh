#!/bin/sh
# Makes a virtual environment and installs exact, hash-checked wheels into it, and lumbung itself as an editable install.
#
#   tools/dev/setup.sh VENV REQUIREMENTS...
#
# PYTHON names the interpreter; without it the newest supported one that has the venv module is taken. Safe to repeat:
# what is there already stays. Nothing here names a package index, so the machine's own pip configuration holds.
set -eu

supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'
# Debian ships `venv` without `ensurepip`, and an environment without pip is of no use: ask for both.
complete='import ensurepip, venv'

fail() {
    echo "setup: $*" >&2
    exit 2
}

# The first interpreter that fits is printed; of those that fit but for the venv module only the first is kept for the message.
find_python() {
    without_venv=
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        "$candidate" -c "$supported" 2>/dev/null || continue
        if "$candidate" -c "$complete" 2>/dev/null; then
            echo "$candidate"
            return
        fi
        without_venv=${without_venv:-$candidate}
    done
    [ -z "$without_venv" ] || fail "$without_venv has no venv module; install the Debian package $(venv_package "$without_venv") and try again"
    fail "expected Python 3.11, 3.12 or 3.13, got ${PYTHON:-none of them on this machine} (PYTHON=... chooses one)"
}

venv_package() {
    "$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
}

[ $# -ge 2 ] || fail "usage: setup.sh VENV REQUIREMENTS..."
venv=$1
shift

if ! "$venv/bin/python" -c "$supported" 2>/dev/null || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "setup: making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi

for requirements in "$@"; do
    echo "setup: installing $requirements"
    # --no-deps: the file is the whole truth; a dependency that it forgot must show at `pip check`, not come unpinned.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes --only-binary :all: --no-deps -r "$requirements"
done
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
# An editable install compiles nothing, and where PYTHONDONTWRITEBYTECODE is set no start keeps what it compiles: 0.26 s
# of a core for each node.
"$venv/bin/python" -m compileall -q cluster node proto tools
"$venv/bin/python" -m pip check
