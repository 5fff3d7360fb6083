#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: campaign kernel=scx cpus=1
# limit: 300
#
# A few trials of the fault campaign (scripts/fault), judged by its own limits: that of the rows in
# which homeostat dies or falls mute, and of the trip. All of them with a policy plug-in that acts, which has to go with
# whatever ends; scripts/fault runs them without.

# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

lines=$tmp/lines wanted='' rows='sigkill sigstop pulse-dead guard-killed all-killed rt-hog trip traffic-xdp' trials=1
if long 'all rows, twice'; then
	rows='sigkill sigstop hang pulse-dead oom guard-killed all-killed rt-hog trip other-starts flood traffic-xdp traffic-tc traffic-tcp'
	trials=2
fi
export FAULT_OPTIONS='-p /lab/policy/pi.bpf.o'
# every row has its own phases: the first numbers are taken by none of scripts/fault's
first=1000
for row in $rows; do
	sh /lab/fault/row.sh "$row" $first $trials "$lines" || echo "row $row: exit code $?"
	first=$((first + trials))
	wanted="$wanted $row:$trials:1"
done
awk -v rows="$wanted" -v limit_ms=5 -v stall_ms=200 -v form=tap -f /lab/fault/judge.awk "$lines" >"$tmp/verdicts"
while read -r verdict row why; do
	case $verdict in
	ok) ok "$row" ;;
	*) not_ok "${row#ok }" "$why" ;;
	esac
done <<-END
	$(sed 's/^not ok /not_ok /; s/:/ /' "$tmp/verdicts")
END
finish
