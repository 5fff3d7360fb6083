#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: smp kernel=scx cpus=2
#
# Least privilege: once it runs, no thread of homeostatd has any capability, nor a way to one, nor
# more than the system calls of its table; and it does all of its work that way.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

# in_every_thread KEY: the different values of a key in /proc/PID/task/*/status
in_every_thread() { sed -n "s/^$1:[[:space:]]*//p" /proc/"$hs_pid"/task/*/status | sort -u; }

# of this test alone: another one of the same boot may have tripped on purpose
hs_log=$tmp/privilege.log
hs_act balanced || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
at_least 'threads are looked at' "$(find /proc/"$hs_pid"/task -mindepth 1 -maxdepth 1 | wc -l)" 2
for set in CapEff CapPrm CapInh CapBnd CapAmb; do
	equals "$set of every thread" "$(in_every_thread $set)" 0000000000000000
done
equals 'NoNewPrivs of every thread' "$(in_every_thread NoNewPrivs)" 1
equals 'Seccomp of every thread' "$(in_every_thread Seccomp)" 2
# the limits stand in for CAP_SYS_NICE and CAP_IPC_LOCK
says 'RLIMIT_RTPRIO is what the heartbeat needs' '^Max realtime priority +2 +2' cat /proc/"$hs_pid"/limits
says 'RLIMIT_MEMLOCK' '^Max locked memory +unlimited' cat /proc/"$hs_pid"/limits
at_least 'memory is locked, kB' "$(sed -n 's/^VmLck:[[:space:]]*\([0-9]*\).*/\1/p' /proc/"$hs_pid"/status)" 1000
for t in /proc/"$hs_pid"/task/*; do
	[ "$(cat "$t/comm")" != heartbeat ] || equals 'the heartbeat is SCHED_FIFO 2' "$(awk '{ print $41, $40 }' "$t/stat")" '1 2'
done

# who writes what takes one
hand=$(grep -lx homeostat-hand /proc/[0-9]*/comm)
hand=${hand%/comm}
for set in CapEff CapPrm; do
	equals "the hand: $set" "$(sed -n "s/^$set:[[:space:]]*//p" "$hand/status")" 0000000000001000
done
equals 'the hand: NoNewPrivs' "$(sed -n 's/^NoNewPrivs:[[:space:]]*//p' "$hand/status")" 1
equals 'the hand: Seccomp' "$(sed -n 's/^Seccomp:[[:space:]]*//p' "$hand/status")" 2
equals 'the hand: has its socket, the lock, one of ethtool netlink, and what a process begins with' "$(find "$hand/fd" -mindepth 1 | wc -l)" 6

# all that it does, it still does
check 'disarms' homeostat disarm
check 'sched_ext leaves' within 10 scx_is disabled
check 'the sensor is back: vital signs' within 20 vital sched.switches_hz
check 'arms again' homeostat arm
check 'is armed' within 20 hs_armed
# more of them than a reply holds: to make and to write it once took longer than the main loop may be silent
sleepers=
while [ "$(echo "$sleepers" | wc -w)" -lt 300 ]; do
	sleep 1000 & # something to be listed: nobody waits for it
	sleepers="$sleepers $!"
done
tasks >"$tmp/tasks"
at_least 'lists many tasks' "$(wc -l <"$tmp/tasks")" 300
equals 'which is no stall' "$(grep -c 'reason progress' "$hs_log")" 0
# shellcheck disable=SC2086  # several
kill $sleepers
check 'loads another profile' homeostat profile load "$profiles/hft.yaml"
equals 'which is in force' "$(status_leaf profile)" hft
check 'SIGHUP' kill -HUP "$hs_pid"
check 'sets a wish' homeostat wish sched.slice.batch_us 4ms
check 'takes it back' homeostat wish sched.slice.batch_us --clear
tasks >"$tmp/tasks"
at_least 'lists tasks' "$(wc -l <"$tmp/tasks")" 5
check 'switches the mode' homeostat mode observe
check 'and back' homeostat mode act
check 'is armed again' within 20 hs_armed

# CPUs that come and go move the heartbeat and the pulse
noticed() { [ "$(grep -c 'CPUs changed' "$hs_log")" -ge "$1" ]; }
echo 0 >/sys/devices/system/cpu/cpu1/online
check 'hotplug: sees a CPU leave' within 10 noticed 1
echo 1 >/sys/devices/system/cpu/cpu1/online
check 'hotplug: sees it come back' within 10 noticed 2
check 'hotplug: still armed' hs_armed
equals 'hotplug: nothing went wrong' "$(grep 'CPUs changed: .*: .*:' "$hs_log")" ''
equals 'the log complains of nothing' "$(grep -E '^(warn|error): ' "$hs_log" | grep -v '^warn: no guard:')" ''

# trip reaches in from outside, re-arming works from the inside
check 'trip' homeostat trip
check 'arms after a trip' homeostat arm
check 'is armed after a trip' within 20 hs_armed

# a unit that gives it what loading takes and not what changes limits: it says so, and runs
hs_stop
# shellcheck disable=SC3045  # dash has both
ulimit -l 64
# shellcheck disable=SC3045
ulimit -r 0
setpriv --inh-caps=-all --bounding-set=-all,+bpf,+perfmon,+sys_admin,+sys_nice,+ipc_lock,+chown \
	homeostatd --profile "$profiles/balanced.yaml" --mode act >"$hs_log" 2>&1 &
hs_pid=$!
check 'few capabilities: is armed' within 20 hs_armed
# IPC_LOCK is bit 14, SYS_NICE bit 23
equals 'few capabilities: what no limit replaces stays' "$(in_every_thread CapEff)" 0000000000804000
says 'few capabilities: says so' 'RLIMIT_RTPRIO: .*; CAP_SYS_NICE is kept' cat "$hs_log"
check 'few capabilities: disarms' homeostat disarm
check 'few capabilities: arms' homeostat arm
finish
