#!/bin/sh
# Make .venv with the pinned requirements: setup.sh run|dev. Quick when nothing has changed.
set -eu
cd "$(dirname "$0")/.."

UV_VERSION=0.13.9
profile=${1:-run}
case $profile in
    run) requirements=requirements.txt ;;
    dev) requirements=requirements-dev.txt ;;
    *) echo "setup.sh: unknown profile '$profile', use run or dev" >&2; exit 2 ;;
esac

fail() { echo "$*" >&2; exit 1; }

is_supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }
has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }
version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# Print the first Python that fits. Else say in one line what to install.
find_python() {
    problem="No Python found: install Python 3.11, 3.12 or 3.13, or name one with PYTHON=/path/to/python"
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        version=$(version_of "$candidate") || {
            [ -z "${PYTHON:-}" ] || problem="PYTHON=$candidate does not run: name a Python 3.11, 3.12 or 3.13"
            continue
        }
        if ! is_supported "$candidate"; then
            problem="$candidate is Python $version: install Python 3.11, 3.12 or 3.13, or name one with PYTHON=/path/to/python"
        elif ! has_venv "$candidate"; then
            problem="$candidate (Python $version) has no venv module: install it (Debian and Ubuntu: apt install python$version-venv)"
        else
            echo "$candidate"
            return
        fi
    done
    fail "$problem"
}

# What an environment depends on. The folder counts because a virtual environment cannot be moved.
fingerprint() {
    { pwd; cat requirements.txt requirements-dev.txt pyproject.toml scripts/setup.sh; } | cksum
}

# Whether .venv stands in this folder and runs, with the Python that was asked for, if one was.
is_usable() {
    [ "$(cat .venv/.folder 2>/dev/null)" = "$(pwd)" ] && is_supported .venv/bin/python \
        && { [ -z "${PYTHON:-}" ] || [ "$(version_of .venv/bin/python)" = "$(version_of "$PYTHON")" ]; }
}

if is_usable; then
    # The development environment holds everything that the smaller one does.
    for stamp in .venv/.installed-$profile .venv/.installed-dev; do
        if [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ]; then exit 0; fi
    done
else
    python=$(find_python)
    rm -rf .venv
    "$python" -m venv .venv || fail "$python could not make a virtual environment in .venv (see above)"
    pwd > .venv/.folder
fi

echo "Installing $requirements into .venv with Python $(version_of .venv/bin/python) (about a minute the first time)" >&2
export UV_COMPILE_BYTECODE=1
.venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" >&2
.venv/bin/uv pip install --quiet --python .venv/bin/python -r "$requirements" >&2
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable . >&2
fingerprint > ".venv/.installed-$profile"
