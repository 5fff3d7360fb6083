#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
#
# In the guest: the loads on each arm in turn, one instruction = 1 ns. Started by scripts/bench; each line of
# results begins with the arm.

# shellcheck source=selftests/lab/lib.sh
. /lab/lib.sh

mkfifo "$tmp/wanted"
sensors <"$tmp/wanted" >"$tmp/arms" &
exec 3>"$tmp/wanted"
# shellcheck disable=SC2317  # called by name
said() { [ "$(wc -l <"$tmp/arms")" -eq "$n" ]; }
n=0
# go ARM: what the sensor has counted up to then
go() {
	echo "$1" >&3
	n=$((n + 1))
	within 10 said || die "arm $1: not attached"
	counted=$(tail -n 1 "$tmp/arms" | cut -d ' ' -f 2-)
}

# loads ARM: a first run is thrown away, in which the pulse sees how much there is to sample
loads() {
	pingpong -n 20000 >/dev/null
	for load in 'pingpong -n 50000' 'storm -n 2000'; do
		echo "$1 $($load)" >>"$results"
	done
}

settle
for arm in off empty sampled unsampled; do
	go $arm
	before=$counted
	loads $arm
	go off
	echo "$arm {\"load\":\"sensor\",$(echo "$before $counted" | awk '{
		printf "\"switches\":%d,\"samples\":%d", $3 - $1, $4 - $2 }')}" >>"$results"
done
exec 3>&-
hs_start balanced --mode observe || exit 1
loads homeostatd
hs_stop
loads off-again
exit 0
