# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# shellcheck shell=bash
#
# What more than one script needs. Sourced, never run.

# Other programs' output is parsed: one language, bytes as bytes.
export LC_ALL=C

# Tools that Debian keeps in sbin (bpftool, ip) are wanted by ordinary users too.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

me=${0##*/}

say() { printf '%s: %s\n' "$me" "$*"; }
warn() { printf '%s: %s\n' "$me" "$*" >&2; }
die() { warn "$@"; exit 1; }

# usage: the script's opening comment is its help text
usage() { awk '!/^#/ { exit } on { print substr($0, 3) } /^#$/ { on = 1 }' "$0"; }

have() { command -v "$1" >/dev/null 2>&1; }

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# O is the Makefile's build directory, relative to the top of the tree
O=${O:-build}
[[ $O == /* ]] || O=$top/$O
# shellcheck disable=SC2034  # used by those who source this
deps=$O/deps
