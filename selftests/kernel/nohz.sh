#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: nohz kernel=scx cpus=2 args=nohz_full=1
#
# CPU 1 without a tick: a task that is alone there has a slice without end, until another one comes.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

equals 'CPU 1 is without a tick' "$(cat /sys/devices/system/cpu/nohz_full)" 1
# no rules, no looks at stock: a load as below is more than either puts up with
sed '/^rules:/,$d; s/^helping:.*/helping: { margin: 0% }/' "$profiles/balanced.yaml" >"$tmp/nohz.yaml"
hs_act "$tmp/nohz.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"

share() { awk -v c="$(field cpu_ns <"$1")" -v s="$(field span_ns <"$1")" 'BEGIN { if (s) printf "%.3f", c / s }'; }

# two hogs
taskset 2 hog -d 3 -o "$tmp/first" &
hogs=$!
taskset 2 hog -W 1 -d 1 -o "$tmp/second"
wait "$hogs"
at_least 'a second hog gets its share' "$(share "$tmp/second")" 0.4

# Two hogs, of which one pauses, and a realtime task that has the CPU when that one comes back: the other went on with its
# slice without end, and the one that had come back starved until sched_ext ended us.
rm "$tmp/first" "$tmp/second"
taskset 2 hog -d 11 -o "$tmp/first" &
hogs=$!
taskset 2 probe -f 50 -p 100000 -w 60000 -d 11 >/dev/null &
rt=$!
taskset 2 sleephog -r 200 -s 330 -d 10 -o "$tmp/second"
wait "$hogs" "$rt"
# 0.2 of the CPU for each hog: 0.2 s of CPU time take one, and 0.33 of pause
at_least 'beside a realtime task: how often it came back' "$(field rounds <"$tmp/second")" 6
check 'beside a realtime task: still armed' hs_armed
equals 'beside a realtime task: nothing tripped' "$(status_leaf incidents.trips)" 0
finish
