#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
#
# In the guest: row.sh ROW FIRST COUNT OUT runs COUNT trials of a row of the fault campaign, from the
# trial FIRST on; one line of JSON each, appended to OUT. Exit code 1 when something was not as it
# should be, others when it did not come to its end.

# shellcheck source=selftests/lab/lib.sh
. /lab/lib.sh

row=$1 first=$2 count=$3 out=$4
dir=/tmp/fault
cg=/sys/fs/cgroup

if [ ! -d $dir ]; then
	# a state directory that can be filled; a cgroup for the daemon, one for a fork bomb
	mkdir -p $dir /var/lib/homeostat
	mount -t tmpfs -o size=4m,mode=700 state /var/lib/homeostat
	echo '+memory +pids' >$cg/cgroup.subtree_control
	mkdir $cg/fault $cg/bomb
	echo 64 >$cg/bomb/pids.max
	echo 0 >/proc/sys/vm/oom_dump_tasks
	# leftovers of the boot
	sleep 5
fi
# the shortest heartbeat limit that a profile may have
{
	sed '/^workloads:/,$d' "$profiles/hft.yaml"
	echo 'workloads:'
	echo '  - { name: bomb, class: critical, match: { comm: bomb } }'
} >$dir/profile.yaml

# what is done to any program is done to the one that people run
daemon=homeostatd
case $row in
hang | spin | pulse-dead | wrong-abi) daemon=homeostatd-fault ;;
esac
echo '{"load":"begin"}' >>"$out"
set -- $daemon --profile $dir/profile.yaml --mode act
# shellcheck disable=SC2086  # options
exec faulter $FAULT_OPTIONS -r "$row" -f "$first" -n "$count" -o "$out" -- "$@"
