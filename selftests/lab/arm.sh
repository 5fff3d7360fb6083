#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# shellcheck disable=SC2317  # scenarios are called by name
#
# One arm of one scenario, in the guest: arm.sh SCENARIO ARM SAMPLES.
# Started by scripts/arms; results go to /dev/results as lines of JSON.

# shellcheck source=selftests/lab/lib.sh
. /lab/lib.sh

scenario=$1 arm=$2 samples=$3
seconds=$(((samples + 999) / 1000))
profile=balanced

# arm_on: what this arm is, from here on
arm_on() {
	case $arm in
	fifo | eevdf) ;;
	observe) hs_start "$profile" --mode observe || exit 1 ;;
	declared | recognised) hs_act "$profile" || exit 1 ;;
	*) die "no arm $arm" ;;
	esac
}

scenario_probe() {
	[ "$arm" = fifo ] && set -- -f 50
	if [ "$arm" = declared ]; then
		profile=$tmp/declared.yaml
		declare_profile "$profile" '{ name: probe, class: critical, match: { comm: probe }, period: 1ms, runtime: 50us }'
	fi
	settle
	arm_on
	hog -t 4 -W 1 -d "$seconds" -o "$results" &
	hogs=$!
	probe -W 1 -n "$samples" -o "$results" "$@"
	wait "$hogs"
}

scenario_hackbench() {
	settle
	arm_on
	hackbench -l 300 -g 2 -f 4 >/dev/null
	for i in 1 2 3 4 5; do
		t=$(hackbench -l 300 -g 2 -f 4 | sed -n 's/^Time: *//p')
		record "\"load\":\"hackbench\",\"round\":$i,\"time_s\":$t"
	done
}

scenario_pingpong() {
	settle
	arm_on
	pingpong -n 50000 -o "$results"
}

# A critical task that never sleeps, hogs beside it, and something that sleeps and wants to run
# (the bound is checked on ticks: 4 ms, and the clock of a hog is read every 10 us)
scenario_runaway() {
	profile=$tmp/runaway.yaml
	declare_profile "$profile" '{ name: spin, class: critical, match: { comm: spin } }'
	settle
	arm_on
	record "\"load\":\"runaway\",\"budget_permille\":$(knob sched.critical.budget_permille),\"bound_ms\":$(($(knob sched.starvation_ms) + 5))"
	spin -W 1 -d "$seconds" -o "$results" &
	spin=$!
	hog -t 4 -W 1 -d "$seconds" -o "$results" &
	hogs=$!
	interactive -W 1 -d "$seconds" -p 20000 -b 1000000 -w 500 -o "$results"
	wait "$spin" "$hogs"
}

# watch_class SKIP COMMAND…: samples the class of the tasks of these names, four times a
# second, as long as the load runs; the first SKIP samples only count for the time to classify
watch_class() {
	skip=$1
	shift
	: >"$tmp/classes"
	n=0
	while alive "$load"; do
		tasks | awk -v n="$n" -v c=" $* " 'index(c, " " $2 " ") { print n, $0 }' >>"$tmp/classes"
		n=$((n + 1))
		sleep 0.25
	done
	awk -v skip="$skip" '
		{ name[$2] = $3; last[$2] = $4; changes[$2] = $6 }
		$4 == "critical" && !($2 in after) { after[$2] = $5 }
		$1 >= skip { n[$2]++; critical[$2] += $4 == "critical" }
		END {
			for (p in n)
				printf "{\"load\":\"class\",\"task\":\"%s\",\"class\":\"%s\",\"after_ns\":%d,\"critical_permille\":%d,\"changes\":%d}\n",
					name[p], last[p], after[p], 1000 * critical[p] / n[p], changes[p]
		}' "$tmp/classes" >"$results"
}

# classify LOAD… -- SKIP COMMAND…
classify() {
	hog -t 2 -d 6 >/dev/null &
	hogs=$!
	run=
	while [ "$1" != -- ]; do run="$run $1"; shift; done
	shift
	$run >/dev/null &
	load=$!
	watch_class "$@"
	wait "$hogs"
}

scenario_classify() {
	settle
	arm_on
	classify pipeline -d 5 -- 4 pipeline
	classify reqrep -d 5 -- 4 reqrep reqrep-server
	classify audio -d 5 -- 4 audio
	redis-server --port 6379 --save '' --daemonize no >/dev/null &
	redis=$!
	classify redisload -d 5 -- 4 redis-server redisload
	kill "$redis"
	wait "$redis"
	classify sleephog -d 5 -- 4 sleephog
	# its first burst comes after half a second, the second after another
	classify interactive -d 6 -- 6 interactive
	classify probe -d 3 -- 4 hog
}

# kill_one NAME TSAFE-OPTION…: a deed under four hogs, who must all survive it
kill_one() {
	name=$1
	shift
	hog -t 4 -d 3 -o "$tmp/hogs" &
	hogs=$!
	# until the hogs are felt
	sleep 1
	tsafe -o "$tmp/safe" "$@" || say "$name: sched_ext is still there"
	sed "s/\"load\":\"tsafe\"/\"load\":\"tsafe-$name\"/" "$tmp/safe" >"$results"
	wait "$hogs"
	[ "$(field least_work <"$tmp/hogs")" -gt 0 ] && n=$(field hogs <"$tmp/hogs") || n=0
	[ "$n" -ge "$survivors" ] || survivors="$n"
	hs_kill
	rm -f "$tmp/safe" "$tmp/hogs"
}

scenario_kill() {
	settle
	survivors=1000
	hs_act balanced || exit 1
	limit=$(status_leaf heartbeat.limit_ns)
	kill_one kill -s 9 -p "$hs_pid"
	hs_act balanced || exit 1
	kill_one stop -s 19 -p "$hs_pid"
	HS_DAEMON=homeostatd-fault hs_act balanced || exit 1
	kill_one hang -j '{"verb":"fault","what":"hang"}'
	hs_act balanced || exit 1
	kill_one trip -x 'homeostat trip'
	record "\"load\":\"kill\",\"limit_ns\":$limit,\"alive\":$survivors"
}

# sums over all threads of homeostatd and of what reads for it
daemon_cpu_ns() { cat /proc/"$hs_pid"/task/*/schedstat /proc/"$(child "$hs_pid" homeostat-sense)"/task/*/schedstat | awk '{ s += $1 } END { printf "%d", s }'; }
memory_kib() { sed -n "s/^$1:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$hs_pid/status"; }
interrupts() { sed -n 's/^intr \([0-9]*\).*/\1/p' /proc/stat; }
switches() { sed -n 's/^ctxt //p' /proc/stat; }

# idle_rates: interrupts and switches per second over 20 s, as "I S"
idle_rates() {
	i=$(interrupts) s=$(switches)
	sleep 20
	echo "$((($(interrupts) - i) / 20)) $((($(switches) - s) / 20))"
}

scenario_idle() {
	settle
	before=$(idle_rates)
	case $arm in
	edge | hft) hs_act "$arm" || exit 1 ;;
	*) arm_on ;;
	esac
	# the heart slows down to rest
	sleep 5
	cpu=$(daemon_cpu_ns)
	with=$(idle_rates)
	cpu=$(($(daemon_cpu_ns) - cpu))
	wakeups=$((${with% *} - ${before% *}))
	switches=$((${with#* } - ${before#* }))
	record "\"load\":\"idle\",\"seconds\":20,\"wakeups_hz\":$wakeups,\"switches_hz\":$switches,\"cpu_ns\":$cpu,\"rss_kib\":$(memory_kib VmRSS),\"peak_kib\":$(memory_kib VmHWM)"
}

scenario_load() {
	sleep 5
	# without a look at stock before: that is a wait, not work
	sed '/^helping:/d' "$profiles/balanced.yaml" >"$tmp/prompt.yaml"
	echo 'helping: { margin: 0% }' >>"$tmp/prompt.yaml"
	tsafe -e "exec homeostatd --profile $tmp/prompt.yaml --mode act" -d 30 -o "$results" || exit 1
	# the older one of two: the other is its scribe
	hs_pid=$(pidof homeostatd | tr ' ' '\n' | sort -n | head -n 1)
}

# moves hogs to and fro between two cgroups of changing weight, ten times a second
move_cgroups() {
	echo +cpu >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p /sys/fs/cgroup/a /sys/fs/cgroup/b
	hog -t 4 -d "$1" >/dev/null &
	hogs=$!
	n=0
	while alive "$hogs"; do
		n=$((n + 1))
		for p in $(pidof hog); do
			case $((n % 2)) in
			0) echo "$p" >/sys/fs/cgroup/a/cgroup.procs ;;
			*) echo "$p" >/sys/fs/cgroup/b/cgroup.procs ;;
			esac
		done 2>/dev/null
		echo $((1 + n * 37 % 1000)) >/sys/fs/cgroup/a/cpu.weight
		sleep 0.1
	done
}

scenario_smp() {
	settle
	arm_on
	# the idle path: nothing else runs
	probe -n 2000 -o "$results"
	pingpong -n 10000 -o "$results"
	# there is a CPU for everyone: nobody has a reason to go to the other node
	hog -t "$(($(nproc) / 2))" -d 5 -o "$results" &
	hogs=$!
	probe -n 4000 -o "$results"
	wait "$hogs"
	stress-ng --quiet --fork 2 --clone 1 --schedpolicy 1 --yield 2 --switch 2 --affinity 2 --futex 2 \
		--cpu-online 1 --timeout 5 || say "stress-ng: exit code $?"
	move_cgroups 3
	for c in /sys/devices/system/cpu/cpu*/online; do echo 1 >"$c"; done
	warnings
	armed=0
	if hs_armed; then armed=1; fi
	record "\"load\":\"smp\",\"armed\":$armed,\"warnings\":$(warnings | wc -l)"
}

[ "$(command -v "scenario_$scenario")" ] || die "no scenario $scenario"
"scenario_$scenario"
hs_stop
exit 0
