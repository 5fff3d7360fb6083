#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: policy_swap kernel=scx cpus=1
# limit: 450
#
# One policy follows another under load, again and again. The first has sent a knob away from its base; the others have no opinion. A
# single pulse without one that acts, and the knob would go back to its base, to stay there.

# shellcheck disable=SC2317,SC2154  # functions that are passed by name; variables of policy_lib.sh
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh
# shellcheck source=selftests/kernel/policy_lib.sh
. /lab/kernel/policy_lib.sh

swaps=${SWAPS:-1000}

hs_act balanced || cannot 'homeostatd arms' "$(tail -n 1 "$hs_log")"
check 'the first' homeostat policy load --full "$hostile"
how 1 3000
check 'the first: the knob follows' within 10 knob_is 3000
# pi keeps its state
check 'one that keeps state' homeostat policy load --full "$pi"
check 'and another' homeostat policy load --full "$hostile"
how 1 3000
check 'and another: the knob follows' within 10 knob_is 3000
check 'alone in the slots' within 10 one
generation=$(status_leaf generation)
before=$(policytool count) fds=$(daemon_fds) kb=$(daemon_kb)
# what leaves the CPU to the one who swaps, or 1000 of them take hours of the emulated machine
probe -d 1000 -o "$tmp/probed" &
probe=$!
hog -t 2 -N 19 -d 1000 -o "$tmp/hogs" &
hog=$!
policytool watch "$k" >"$tmp/watched" &
watching=$!
i=0 failed=0
while [ $i -lt "$swaps" ]; do
	homeostat policy load --full "$hostile" >"$tmp/said" 2>&1 || failed=$((failed + 1))
	i=$((i + 1))
done
equals "$swaps swaps, so many failed" "$failed" 0
check 'alone in the slots again' within 10 one
kill -TERM "$watching" && wait "$watching"
cat "$tmp/watched"
says 'the knob never left where it was' 'least 3000 greatest 3000 ' cat "$tmp/watched"
says 'no pulse was without a policy' 'others 0$' cat "$tmp/watched"
check 'the last one acts' within 10 more hostile acted 1
check 'armed' hs_armed
equals 'never tripped' "$(status_leaf generation)" "$generation"
equals 'no program, map or link is left' "$(policytool count)" "$before"
equals 'nor a descriptor' "$(daemon_fds)" "$fds"
at_most 'memory of the daemon, kB more' $(($(daemon_kb) - kb)) 512
check 'the load lived' alive "$probe" "$hog"
kill -TERM "$probe" "$hog"
finish
