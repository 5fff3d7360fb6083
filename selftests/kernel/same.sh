#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: same kernel=scx cpus=1 twice
#
# A certified run under load. The guest is started twice, with the same machine in every instruction: the two logs of decisions have to be
# the same, byte for byte (lines `same` are compared by scripts/test).

# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

state=$tmp/state
mkdir -m 700 "$state"
check 'certify' homeostat certify --out "$tmp/manifest" /lab/policy/pi.bpf.o
hs_start balanced --manifest "$tmp/manifest" --state "$state" || cannot 'homeostatd starts' "$(tail -n 3 "$hs_log")"
check 'armed' within 20 hs_armed
probe -n 1000 >/dev/null &
hog -t 4 -d 3 >/dev/null
check 'ends' hs_stop
log=$(echo "$state"/decisions/*.log)
check 'replay' homeostat replay "$log" --manifest "$tmp/manifest"
at_least 'there is much in it, bytes' "$(wc -c <"$log")" 50000
same 'the log of decisions' "$(sha256sum "$log")"
same 'what the replay says' "$(homeostat replay "$log" --manifest "$tmp/manifest")"
finish
