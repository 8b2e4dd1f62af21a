# SPDX-License-Identifier: Apache-2.0
# Shell functions of scripts/demo and scripts/test. Sourced by bash in the repository's root.

# The Debian packages of a list, scripts/deps, that are not installed, one a line.
missing_deps() { # [FILE]
    sed 's/#.*//' "${1:-scripts/deps}" | while read -r package _; do
        [ -n "$package" ] || continue
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || echo "$package"
    done
}

# Installs what scripts/deps lists and this machine lacks; quiet, and nothing to do the second time. Where it may not or cannot install,
# it says what is missing and goes on: the build names what it really needs.
install_deps() { # [FILE]
    local list=${1:-scripts/deps}
    if ! command -v dpkg-query >/dev/null; then
        echo "no dpkg here: install the counterparts of the packages in $list by hand"
        return 0
    fi
    local missing root log
    missing=$(missing_deps "$list" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    root=
    if [ "$(id -u)" != 0 ]; then
        if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
            root=sudo
        else
            echo "missing, and neither root nor sudo to install them: $missing"
            return 0
        fi
    fi
    echo "installing $missing"
    log=$(mktemp)
    for arch in $(grep -o ':[a-z0-9]*$' "$list" | tr -d : | sort -u); do
        $root dpkg --add-architecture "$arch"
    done
    # An index that is too old names packages that are gone, so it is renewed first.
    if $root apt-get update -q >"$log" 2>&1 \
        && $root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >>"$log" 2>&1 </dev/null; then
        rm -f "$log"
        return 0
    fi
    tail -n 20 "$log"
    rm -f "$log"
    echo "apt-get could not install all of: $missing"
    return 1
}

cores() { nproc 2>/dev/null || echo 2; }

# Makes build/python, an environment with what scripts/deps-pip lists beside the system's packages, if it is not there; TEST_PYTHON is then
# its Python, which build trees are configured with. Fails where there is none, and says why.
test_python() {
    local base= candidate home=$PWD/build/python
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c 'import ensurepip, numpy, venv' 2>/dev/null; then
            base=$candidate
            break
        fi
    done
    [ -n "$base" ] || { echo "no Python here has NumPy and makes environments (python3-numpy, python3-venv)"; return 1; }
    if [ "$(cat "$home/.pins" 2>/dev/null)" != "$(cat scripts/deps-pip)" ] || ! "$home/bin/python" -c 'import numpy' 2>/dev/null; then
        rm -rf "$home"
        mkdir -p build
        echo "+ build/python: what scripts/deps-pip lists"
        if ! { "$base" -m venv --system-site-packages "$home" && "$home/bin/python" -m pip install -q --disable-pip-version-check \
            --only-binary :all: --timeout 20 --retries 1 -r scripts/deps-pip; } >build/python.log 2>&1; then
            rm -rf "$home"
            echo "the packages of scripts/deps-pip cannot be had: $(grep . build/python.log | tail -n 1)"
            return 1
        fi
        cp scripts/deps-pip "$home/.pins"
    fi
    TEST_PYTHON=$home/bin/python
}

# configure DIR COMPILER OPTION...: a build tree with exactly these options; one made with others is thrown away.
configure() {
    local dir=$1 compiler=$2
    shift 2
    [ -z "${TEST_PYTHON:-}" ] || set -- "$@" "-Dpython=$TEST_PYTHON"
    if [ "$(cat "$dir/.options" 2>/dev/null)" != "$compiler $*" ]; then
        rm -rf "$dir"
        echo "+ CC=$compiler meson setup $dir $*"
        CC=$compiler meson setup "$dir" "$@" >"$dir.log" 2>&1 || { tail -n 30 "$dir.log"; return 1; }
        echo "$compiler $*" >"$dir/.options"
    fi
}

# programs DIR SUITE: what the tests of a suite start, as targets of ninja.
programs() {
    meson introspect --tests "$1" | python3 -c '
import json, os, sys
folder, suite = sys.argv[1:]
print(*sorted({os.path.relpath(t["cmd"][0], folder) for t in json.load(sys.stdin) if any(s.split(":")[-1] == suite for s in t["suite"])}))
' "$1" "$2"
}

# compile DIR [TARGET...]: quiet while it works.
compile() {
    local dir=$1
    shift
    echo "+ ninja -C $dir${1:+ (only what is asked for)}"
    ninja -C "$dir" "$@" >"$dir.log" 2>&1 || { grep -E -A 12 'FAILED|error|ERROR' "$dir.log" | head -n 80; return 1; }
    # A warning that does not stop the build is still one that a user of the same compiler would see.
    ! grep -E -A 4 'warning: ' "$dir.log" | head -n 40 | grep . || true
}
