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
	# whoever is first to want a random number in a guest without entropy spends 2 s on making some
	head -c 1 /dev/random >/dev/null
	# leftovers of the boot
	sleep 5
fi
# hft: the shortest heartbeat limit that a profile may have. Armed at once, without looking at stock for
# 5 s before, and after a trip by us only
{
	awk '/^[a-z]/ { out = $1 == "workloads:" || $1 == "helping:" || $1 == "trip:" } !out' "$profiles/hft.yaml"
	echo 'helping: { margin: 0% }'
	echo 'workloads:'
	echo '  - { name: bomb, class: critical, match: { comm: bomb } }'
} >$dir/profile.yaml

# traffic: a veth pair, or two network cards, whose near end homeostat looks at, and what it is told to do with it. No rules: nothing else moves these
case $row in
traffic-*)
	ip() { /usr/sbin/ip "$@"; } # busybox's shell would take its own
	if [ -e /run/netns/far ]; then
		:
	elif [ "$row" = traffic-steer ]; then
		nics_make 0 1 >/dev/null || die 'two network cards could not be connected'
	else
		network_make >/dev/null || die 'two namespaces could not be connected'
		insmod "/lib/modules/$(uname -r)/sch_fq.ko" || die 'no fq'
		/usr/sbin/tc qdisc add dev near root fq || die 'no fq at near'
	fi
	awk '/^[a-z]/ { out = $1 == "rules:" } !out' $dir/profile.yaml |
		sed 's/^knobs:$/&\n  - { name: net.bulk.limit_hz, value: 1000hz }\n  - { name: net.bulk.pace_kbit, value: 30mbit }\n  - { name: sockops.unsent.max_bytes, value: 16384 }/' >$dir/traffic.yaml
	cat >>$dir/traffic.yaml <<-'END'
		interfaces:
		  - { name: near }
		flows:
		  - { name: orders, class: critical, dscp: EF }
		  - { name: backup, class: bulk, dscp: CS1 }
		  - { name: taken, class: normal, protocol: tcp, peer_port: 5202, tcp: homeostat }
		  - { name: made, class: critical, protocol: tcp, peer_port: 5203 }
	END
	if [ "$row" = traffic-steer ]; then # flows and what is done to bulk have rows of their own
		awk '/^[a-z]/ { out = $1 == "flows:" } !out' $dir/traffic.yaml |
			sed 's/^knobs:$/&\n  - { name: net.steer.above_permille, value: 300permille }/; /net.bulk/d
				s/^heartbeat:.*/heartbeat: { limit: 20ms }/; /vital: pulse.late_ns/d' >$dir/steer.yaml
		echo 'steer: { cpus: "1" }' >>$dir/steer.yaml
		mv $dir/steer.yaml $dir/traffic.yaml
	fi
	mv $dir/traffic.yaml $dir/profile.yaml
	;;
esac

# what is done to any program is done to the one that people run
daemon=/usr/bin/homeostatd
case $row in
hang | pulse-dead | wrong-abi) daemon=/lab/bin/homeostatd-fault ;;
esac
echo '{"load":"begin"}' >>"$out"
# shellcheck disable=SC2086  # options
exec faulter $FAULT_OPTIONS -g -r "$row" -f "$first" -n "$count" -o "$out" -- \
	/usr/bin/homeostat-guard -- $daemon --profile $dir/profile.yaml --mode act
