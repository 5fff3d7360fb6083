#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: smp kernel=scx cpus=2
#
# Two CPUs: affinity, hotplug, cgroups, and what we refuse to arm with. Function only: with several
# virtual CPUs the clock is no measure.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

# leftovers of the boot
sleep 5
cg=/sys/fs/cgroup
echo +cpu >$cg/cgroup.subtree_control
mkdir $cg/a $cg/b

# it is to stay: what stock gives is not what is tested here
sed 's/^helping:.*/helping: { margin: 0% }/' "$profiles/balanced.yaml" >"$tmp/smp.yaml"
hs_start "$tmp/smp.yaml" || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
scx_off() { scx_is disabled; }

echo '50000 100000' >$cg/a/cpu.max
homeostat mode act >"$tmp/refusal" 2>&1
homeostat arm >>"$tmp/refusal" 2>&1
says 'cpu.max is set: refuses to arm, and says so' 'cpu\.max' cat "$tmp/refusal"
equals 'cpu.max is set: not armed' "$(scx_state)" disabled
says 'cpu.max is set: doctor says so' '^off +cpu\.max' homeostat doctor
echo max >$cg/a/cpu.max
homeostat mode act >/dev/null 2>&1
homeostat arm >/dev/null 2>&1
check 'cpu.max is gone: arms' within 20 hs_armed

taskset 2 hog -d 1 -o "$tmp/pinned"
equals 'affinity: stays on its CPU' "$(field cpu_hops <"$tmp/pinned")" 0
equals 'affinity: which is CPU 1' "$(field cpu <"$tmp/pinned")" 1

# two CPUs, two hogs, one of them pinned: the other one takes what is free
rm "$tmp/pinned"
taskset 1 hog -d 1 -o "$tmp/pinned" &
hogs=$!
hog -d 1 -o "$tmp/free"
wait "$hogs"
at_least 'no CPU idles while a task waits' \
	"$(awk -v c="$(field cpu_ns <"$tmp/free")" -v s="$(field span_ns <"$tmp/free")" 'BEGIN { if (s) print c / s }')" 0.9

# A free hog that takes turns with a pinned one is seen by a CPU that becomes idle. It was not where its turn had
# ended in a dispatch: it kept the first place in its own CPU's queue, for good. One try in three hit it.
least=1 tries='1 2 3 4 5 6'
long 'a CPU that becomes idle: ten tries' && tries='1 2 3 4 5 6 7 8 9 10'
for _ in $tries; do
	rm -f "$tmp/free"
	taskset 1 hog -d 1 >/dev/null &
	short=$!
	taskset 2 hog -d 2 >/dev/null &
	hogs=$!
	hog -W 1 -d 1 -o "$tmp/free"
	wait "$hogs" "$short"
	least=$(awk -v l="$least" -v c="$(field cpu_ns <"$tmp/free")" -v s="$(field span_ns <"$tmp/free")" \
		'BEGIN { v = s ? c / s : 0; print v < l ? v : l }')
done
at_least 'a CPU that becomes idle takes who waits for another' "$least" 0.85

# three hogs, one of them soon gone: the other two get a CPU each (a preempted task is not pinned)
rm "$tmp/free" "$tmp/pinned"
hog -d 1 >/dev/null &
short=$!
hog -d 5 -o "$tmp/pinned" &
hogs=$!
hog -d 5 -o "$tmp/free"
wait "$hogs" "$short"
for f in free pinned; do
	at_least "preempted tasks find the CPU that is free: $f" \
		"$(awk -v c="$(field cpu_ns <"$tmp/$f")" -v s="$(field span_ns <"$tmp/$f")" 'BEGIN { if (s) print c / s }')" 0.75
done

hog -t 3 -d 4 -o "$tmp/hogs" &
hogs=$!
sleep 1
generation=$(status_leaf generation)
echo 0 >/sys/devices/system/cpu/cpu1/online
equals 'hotplug: CPU 1 is off' "$(cat /sys/devices/system/cpu/online)" 0
sleep 1
echo 1 >/sys/devices/system/cpu/cpu1/online
equals 'hotplug: CPU 1 is back' "$(cat /sys/devices/system/cpu/online)" 0-1
wait "$hogs"
at_least 'hotplug: all hogs worked' "$(field least_work <"$tmp/hogs")" 10000
check 'hotplug: still armed' hs_armed
equals 'hotplug: and never was anything else' "$(status_leaf generation)" "$generation"

# between cgroups of different weight, again and again
rm "$tmp/hogs"
hog -t 3 -d 2 -o "$tmp/hogs" &
hogs=$!
n=0
while alive "$hogs"; do
	n=$((n + 1))
	to=a
	[ $((n % 2)) = 0 ] || to=b
	for p in $(pidof hog); do echo "$p" >$cg/$to/cgroup.procs; done 2>/dev/null
	echo $((1 + n * 371 % 1000)) >$cg/a/cpu.weight
	sleep 0.05
done
at_least 'cgroup moves: so many were made' "$n" 10
at_least 'cgroup moves: all hogs worked' "$(field least_work <"$tmp/hogs")" 10000
check 'cgroup moves: still armed' hs_armed

# cpu.weight: 100 against 900 on one CPU
echo 100 >$cg/a/cpu.weight
echo 900 >$cg/b/cpu.weight
sh -c "echo \$\$ >$cg/a/cgroup.procs; exec taskset 1 hog -d 3 -W 1 -o $tmp/light" &
hogs=$!
sh -c "echo \$\$ >$cg/b/cgroup.procs; exec taskset 1 hog -d 3 -W 1 -o $tmp/heavy"
wait "$hogs"
at_least 'cpu.weight 900 against 100: work' \
	"$(awk -v a="$(field work <"$tmp/heavy")" -v b="$(field work <"$tmp/light")" 'BEGIN { if (b) print a / b }')" 5

# tasks that come and go: fork, exec, exit while it is switched on and off
stress-ng --quiet --fork 2 --switch 2 --yield 1 --timeout 4 &
stress=$!
for i in 1 2 3; do
	check "under stress: disarm $i" homeostat disarm
	check "under stress: sched_ext is disabled $i" within 10 scx_off
	check "under stress: arm $i" homeostat arm
	check "under stress: sched_ext is enabled $i" within 20 hs_armed
done
check 'the stressors end well' wait "$stress"
finish
