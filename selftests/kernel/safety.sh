#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: safety kernel=scx cpus=1
#
# The kill matrix: the daemon dies or falls silent under four hogs. Virtual time, so the bounds are
# exact and the same on every machine.
#
# shellcheck disable=SC2317  # functions that are passed by name

# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

sleep 5
ms() { awk -v a="$1" 'BEGIN { if (a != "") printf "%.3f", a / 1000000 }'; }

# deed NAME TSAFE-OPTION…
deed() {
	name=$1
	shift
	hog -t 4 -d 2 -o "$tmp/hogs" &
	hogs=$!
	# until the hogs are felt
	sleep 1
	tsafe -d 3 -o "$tmp/safe" "$@" >"$tmp/said" 2>&1
	at_most "$name: trip, ms" "$(ms "$(field t_trip_ns <"$tmp/safe")")" "$bound"
	at_most "$name: first decision by stock rules, ms" "$(ms "$(field t_safe_ns <"$tmp/safe")")" "$bound"
	at_most "$name: sched_ext disabled, ms" "$(ms "$(field t_disabled_ns <"$tmp/safe")")" $((bound + 50))
	equals "$name: the gate is shut" "$(field armed <"$tmp/safe")" 0
	wait "$hogs"
	at_least "$name: all hogs lived and worked on" "$(field least_work <"$tmp/hogs")" 1000
	cat "$tmp/safe"
}
again() {
	rm -f "$tmp/safe" "$tmp/hogs"
	hs_act balanced || cannot 'homeostatd starts again' "$(tail -n 1 "$hs_log")"
}

again
limit=$(status_leaf heartbeat.limit_ns)
at_most 'heartbeat limit, ns' "$limit" 100000000
bound=$((limit / 1000000 + 5))

# a dead process is also seen by the kernel, which then ends the scheduler: no trip is needed
hog -t 4 -d 2 -o "$tmp/hogs" &
hogs=$!
sleep 1
tsafe -d 3 -o "$tmp/safe" -s 9 -p "$hs_pid"
at_most 'SIGKILL: safe, ms' "$(ms "$(field t_safe_ns <"$tmp/safe")")" $bound
at_most 'SIGKILL: sched_ext disabled, ms' "$(ms "$(field t_disabled_ns <"$tmp/safe")")" $((bound + 50))
wait "$hogs"
at_least 'SIGKILL: all hogs lived and worked on' "$(field least_work <"$tmp/hogs")" 1000
hs_kill

again
pid=$hs_pid
deed SIGSTOP -s 19 -p "$hs_pid"
equals 'SIGSTOP: the reason is the heartbeat' "$(field trip_reason <"$tmp/safe")" 2
kill -CONT "$pid"
check 'SIGSTOP: it answers again after SIGCONT' within 10 hs_answers
equals 'SIGSTOP: and knows why it is shut' "$(status_leaf tripped.reason)" heartbeat
equals 'SIGSTOP: sched_ext stays off' "$(scx_state)" disabled
check 'SIGSTOP: arms when told to' homeostat arm
check 'SIGSTOP: is armed' within 20 hs_armed
hs_stop

HS_DAEMON=homeostatd-fault again
deed hang -j '{"verb":"fault","what":"hang"}'
hs_kill

# both ways to trip: the clock of the first also counts the start of a program under four hogs, so
# what is judged is the time from the shut gate
tripped() {
	at_most "$1: trip to first decision by stock rules, ms" "$(awk -v t="$(field t_trip_ns <"$tmp/safe")" -v s="$(field t_safe_ns <"$tmp/safe")" 'BEGIN { if (t != "" && s != "") print (s - t) / 1000000 }')" 5
	at_most "$1: trip to all tasks with the kernel's own scheduler, ms" "$(ms "$(field trip_to_off_ns <"$tmp/safe")")" 5
	hs_stop
}
bound=100
again
deed trip -x 'homeostat trip'
tripped trip
again
# what the CLI cannot do when the machine is in a bad way, one store to memory can
deed store -t
tripped store

# nor need it say why or when
again
hog -t 4 -d 2 -o "$tmp/hogs" &
hogs=$!
# until the hogs are felt, as in deed(): virtual time, and no state says so
sleep 1
tsafe -d 3 -o "$tmp/safe" -T
at_most 'bare store: first decision by stock rules, ms' "$(ms "$(field t_safe_ns <"$tmp/safe")")" 5
at_most "bare store: all tasks with the kernel's own scheduler, ms" "$(ms "$(field t_off_ns <"$tmp/safe")")" 5
wait "$hogs"
hs_stop

# At rest, up to a quarter of a second away from its next look, the heartbeat's thread is woken up to help
# sched_ext leave. Three times, as once could be luck (30 of 250 ms). Nobody is in the way here, so sched_ext
# leaves soon in any case: how often the thread looks is what shows it
looks() { awk '/^voluntary/ { print $2 }' "/proc/$hs_pid/task/$heart/status"; }
looked() { [ "$(looks)" -ge $(($1 + $2)) ]; }
# Asking the daemon would wake it up, so its rate is measured: the quarter of a second is what is counted over
at_rest() {
	before=$(looks)
	sleep 0.25
	! looked "$before" 5
}
again
heart=$(grep -lx heartbeat "/proc/$hs_pid/task/"*/comm | cut -d / -f 5)
for n in 1 2 3; do
	[ $n = 1 ] || check "store at rest $n: arms again" homeostat arm
	check "store at rest $n: is armed" within 20 hs_armed
	check "store at rest $n: the heart is at rest" within 20 at_rest
	before=$(looks)
	tsafe -d 3 -o "$tmp/safe" -t
	check "store at rest $n: the heartbeat's thread woke up often" within 1 looked "$before" 200
done
hs_stop

again
check 'an orderly end: exit code 0' hs_stop
equals 'an orderly end: sched_ext is disabled' "$(scx_state)" disabled
finish
