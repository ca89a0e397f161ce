#!/bin/sh
# Sets up what is missing: system libraries of Qt (where it may), a virtual environment in .venv, the package in it.
# Usage: setup.sh run|test. Quick when nothing is missing. Ends with one sentence when something cannot be had.
set -eu
cd "$(dirname "$0")/.."
want=${1:-run}

say() { printf '%s\n' "$*" >&2; }
fail() { say "LatentStudio cannot be set up: $*"; exit 2; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo "$@"
  elif command -v sudo >/dev/null 2>&1 && [ -t 0 ]; then say "System packages are missing; sudo will ask for your password."; sudo "$@"
  else return 1
  fi
}

apt_install() {
  say "Installing system packages: $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 && return 0
  as_root apt-get update -qq >/dev/null 2>&1 || return 1
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

find_python() {
  for name in "${LATENTSTUDIO_PYTHON:-}" python3.11 python3.12 python3.13 python3 python; do
    [ -n "$name" ] || continue
    command -v "$name" >/dev/null 2>&1 || continue
    if "$name" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      command -v "$name"; return 0
    fi
  done
  return 1
}

# Debian and Ubuntu: the shared libraries that Qt's wheel expects from the system, as library=package.
libraries='libGL.so.1=libgl1 libEGL.so.1=libegl1 libglib-2.0.so.0=libglib2.0-0 libfontconfig.so.1=libfontconfig1
libxkbcommon.so.0=libxkbcommon0 libdbus-1.so.3=libdbus-1-3 libX11-xcb.so.1=libx11-xcb1 libxcb-cursor.so.0=libxcb-cursor0
libxcb-icccm.so.4=libxcb-icccm4 libxcb-keysyms.so.1=libxcb-keysyms1 libxcb-shape.so.0=libxcb-shape0
libxcb-xkb.so.1=libxcb-xkb1 libxkbcommon-x11.so.0=libxkbcommon-x11-0'

missing_libraries() {
  for pair in $libraries; do
    "$1" -c "import ctypes; ctypes.CDLL('${pair%%=*}')" 2>/dev/null || printf '%s ' "${pair#*=}"
  done
}

if ! python=$(find_python); then
  if command -v apt-get >/dev/null 2>&1 && apt_install python3 python3-venv && python=$(find_python); then :
  elif [ "$(uname)" = Darwin ]; then fail "it needs Python 3.11 to 3.13; 'brew install python@3.12' brings it."
  else fail "it needs Python 3.11 to 3.13, and none was found; install it and run the command again."
  fi
fi

stamp=".venv/.latentstudio-$want"
# A checkout that was moved or copied is set up anew: scripts in .venv name their place.
state=$("$python" -c 'import hashlib, os, sys; print(sys.version.split()[0], hashlib.sha256(open("pyproject.toml", "rb").read()).hexdigest(), os.getcwd())')
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ] && [ -x .venv/bin/latentstudio ]; then exit 0; fi

if [ "$(uname)" = Linux ]; then
  missing=$(missing_libraries "$python")
  if [ -n "$missing" ]; then
    if command -v apt-get >/dev/null 2>&1; then
      # shellcheck disable=SC2086
      apt_install $missing || fail "system libraries are missing and could not be installed; run: sudo apt-get install $missing"
    else
      say "Qt needs these libraries, under your system's names for them: $missing"
    fi
  fi
fi

if ! [ -x .venv/bin/python ]; then
  say "Making a virtual environment in .venv"
  if ! "$python" -m venv .venv 2>/dev/null; then
    rm -rf .venv
    command -v apt-get >/dev/null 2>&1 && apt_install python3-venv || fail "Python's venv module is missing; run: sudo apt-get install python3-venv"
    "$python" -m venv .venv || fail "Python could not make a virtual environment in .venv."
  fi
fi

say "Installing LatentStudio and what it needs (a few minutes the first time)"
extras='.'
[ "$want" = test ] && extras='.[test,reference]'
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable "$extras" \
  || fail "pip could not install the packages; check the network and the message above, then run the command again."
printf '%s\n' "$state" > "$stamp"
if [ "$want" = test ]; then printf '%s\n' "$state" > .venv/.latentstudio-run; fi
say "Ready."
