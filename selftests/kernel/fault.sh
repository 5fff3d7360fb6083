#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: fault kernel=scx cpus=1
#
# Defects of our own kernel side, on order (kern/fault.h): each has the end that was promised. Virtual
# time, so the bounds are exact and the same on every machine.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

sleep 5
export HS_DAEMON=homeostatd-fault
ms() { awk -v a="$1" 'BEGIN { if (a != "") printf "%.3f", a / 1000000 }'; }
# fault WHAT [MEMBERS]
fault() { ask -j "{\"verb\":\"fault\",\"what\":\"$1\"${2:+,$2}}"; }
tripped_by() { [ "$(status_leaf tripped.reason)" = "$1" ]; }
sed 's/^heartbeat:.*/heartbeat: { limit: 5ms }/' "$profiles/balanced.yaml" >"$tmp/short.yaml"

# an object of another build
HOMEOSTAT_FAULT_ABI=99 homeostatd-fault --profile "$profiles/balanced.yaml" >"$tmp/refused" 2>&1
equals 'kernel object of another interface: refused' $? 1
says 'kernel object of another interface: it says so' \
	'kernel object: version 99 of the interface, this daemon has [0-9]+; install' cat "$tmp/refused"

# the production daemon has no such verb
HS_DAEMON=homeostatd hs_start balanced || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
says 'production: no verb for faults' "unknown verb 'fault'" fault hang
hs_stop

# a pulse that is dead: nobody renews the lease, at whatever moment of a tick it dies
hs_act "$tmp/short.yaml" || cannot 'homeostatd-fault arms' "$(tail -n 1 "$hs_log")"
limit=$(status_leaf heartbeat.limit_ns)
equals 'dead pulse: heartbeat limit, ns' "$limit" 5000000
hog -t 4 -d 12 -o "$tmp/hogs" &
hogs=$!
sleep 1
worst=0
for n in 1 2 3 4 5 6 7 8; do
	rm -f "$tmp/safe"
	sleep 0.$((100 + n))
	tsafe -d 2 -o "$tmp/safe" -j '{"verb":"fault","what":"pulse-dead"}' >"$tmp/said" 2>&1
	equals "dead pulse $n: the reason is the lease" "$(field trip_reason <"$tmp/safe")" 4
	# from its death: how long the request took on a busy host is another matter
	fault pulse-dead '"value":0' >"$tmp/said"
	safe=$(($(field safe_ns <"$tmp/said") - $(field died_ns <"$tmp/said")))
	[ "$safe" -le "$worst" ] || worst=$safe
	say "dead pulse $n: $(ms $safe) ms after its death ($(ms "$(field t_safe_ns <"$tmp/safe")") after the order)"
	check "dead pulse $n: alive again, it arms" homeostat arm
	check "dead pulse $n: is armed" within 10 hs_armed
done
at_least 'dead pulse: was measured, ms' "$(ms "$worst")" 1
at_most 'dead pulse: worst time to the first decision by stock rules, ms' "$(ms "$worst")" 10
wait "$hogs"
at_least 'dead pulse: all hogs lived and worked on' "$(field least_work <"$tmp/hogs")" 1000
hs_stop

# a task that our scheduler loses: sched_ext notices, and it runs again
hs_act balanced || cannot 'homeostatd-fault arms' "$(tail -n 1 "$hs_log")"
hog -d 6 >/dev/null &
other=$!
hog -d 5 -o "$tmp/lost" &
lost=$!
sleep 0.5
# what works is its child
victim=$(cat /proc/[0-9]*/stat 2>/dev/null | sed -n "s/^\([0-9]*\) (hog) . $lost .*/\1/p")
rm -f "$tmp/safe"
tsafe -d 5 -o "$tmp/safe" -j "{\"verb\":\"fault\",\"what\":\"lose-task\",\"pid\":$victim}" >"$tmp/said" 2>&1
at_most 'lost task: trip, ms' "$(ms "$(field t_trip_ns <"$tmp/safe")")" 3100
at_least 'lost task: it was lost that long, ms' "$(ms "$(field t_trip_ns <"$tmp/safe")")" 1900
at_most 'lost task: sched_ext disabled, ms' "$(ms "$(field t_disabled_ns <"$tmp/safe")")" 3200
check 'lost task: the reason' within 10 tripped_by sched-stall
wait "$lost" "$other"
at_least 'lost task: it ran again, and longest stood still for, ms' "$(ms "$(field gap_max_ns <"$tmp/lost")")" 1900
at_most 'lost task: no longer than this, ms' "$(ms "$(field gap_max_ns <"$tmp/lost")")" 3200
says 'lost task: the kernel log names it' "sched_ext: homeostat: hog.$victim. failed to run" dmesg
dmesg -c >/dev/null # what follows is to be clean
check 'lost task: found again, it arms' fault lose-task '"pid":0'
check 'lost task: arms' homeostat arm
check 'lost task: is armed' within 10 hs_armed

# the allocator refuses while our scheduler takes over the tasks: a moment's refusal is nothing, one that
# lasts is an error of ours to sched_ext, so everything is stock and that is the reason
check 'no storage, for a moment: disarm' homeostat disarm
check 'no storage, for a moment: begins' fault no-storage '"value":15'
check 'no storage, for a moment: arms' homeostat arm
check 'no storage, for a moment: is armed' within 10 hs_armed
hog -t 2 -d 1 >/dev/null
check 'no storage, for a moment: stays armed' hs_armed
check 'no storage: disarm' homeostat disarm
check 'no storage: begins' fault no-storage '"value":4294967295'
homeostat arm >"$tmp/said" 2>&1
check 'no storage: the reason' within 10 tripped_by sched-error
equals 'no storage: sched_ext is disabled' "$(scx_state)" disabled
says 'no storage: the kernel log says why' 'ops\.init_task\(\) failed \(-12\)' dmesg
dmesg -c >/dev/null # what follows is to be clean
check 'no storage: ends' fault no-storage '"value":0'
check 'no storage: arms' homeostat arm
check 'no storage: is armed' within 10 hs_armed

# rubbish in every knob, past every bound: who uses them clamps them
bound=$(($(knob sched.starvation_ms max) + 5))
budget=$(knob sched.critical.budget_permille max)
check 'scribble: begins' fault scribble
hog -t 4 -W 1 -d 3 -o "$tmp/scribbled" &
hogs=$!
probe -d 3 -o "$tmp/probe"
homeostat --json knobs >"$tmp/knobs"
wait "$hogs"
says 'scribble: it is in the knobs' '"value": *(0|18446744073709551615)\b' cat "$tmp/knobs"
at_most 'scribble: longest wait of a hog, ms' "$(ms "$(field gap_max_ns <"$tmp/scribbled")")" "$bound"
at_least 'scribble: the hogs have what the budget leaves' \
	"$(awk -v c="$(field cpu_ns <"$tmp/scribbled")" -v s="$(field span_ns <"$tmp/scribbled")" 'BEGIN { if (s) print c / s }')" \
	"$(awk "BEGIN { print (1 - $budget / 1000) * 0.9 }")"
at_least 'scribble: the probe ran' "$(field samples <"$tmp/probe")" 1000
check 'scribble: still armed' hs_armed
fault scribble '"value":0' >/dev/null
check 'scribble: disarm' homeostat disarm
stock_again() { [ "$(knob sched.slice.batch_us)" = "$(knob sched.slice.batch_us stock)" ]; }
check 'scribble: disarmed, the knobs are stock' within 10 stock_again
check 'scribble: arms' homeostat arm
check 'scribble: is armed' within 10 hs_armed

# more events than anybody can take: they are lost, counted, and nothing else happens
lost_events() { [ "$(status_leaf events_lost)" -gt 0 ]; }
hog -t 2 -d 4 -o "$tmp/stormed" &
hogs=$!
check 'event storm: begins' fault event-storm '"value":2000'
check 'event storm: events are lost, and counted' within 10 lost_events
rate_seen() { [ "$(vital events.lost_hz peak)" -gt 0 ]; }
check 'event storm: the vital sign says so' within 10 rate_seen
pid=$hs_pid
check 'event storm: the daemon lives and answers' hs_answers
fault event-storm '"value":0' >/dev/null
wait "$hogs"
at_least 'event storm: all hogs worked' "$(field least_work <"$tmp/stormed")" 1000
equals 'event storm: the same daemon' "$hs_pid" "$pid"
check 'event storm: still armed' hs_armed

# the pulse late, but not late enough for anybody's lease: nothing happens without a limit on it
check 'late pulse: begins' fault pulse-late '"value":3000000'
late() { [ "$(vital pulse.late_ns)" -ge 3000000 ]; }
check 'late pulse: the vital sign says so' within 10 late
check 'late pulse: still armed' hs_armed
fault pulse-late '"value":0' >/dev/null
sed 's/vital: pulse.late_ns, max: [0-9a-z]*, windows: [0-9]*/vital: pulse.late_ns, max: 2ms, windows: 3/' \
	"$profiles/balanced.yaml" >"$tmp/limits.yaml"
check 'late pulse: a profile that limits it' homeostat profile load "$tmp/limits.yaml"
sleep 1
check 'late pulse: on time, it stays armed' hs_armed
rm -f "$tmp/safe"
tsafe -d 3 -o "$tmp/safe" -j '{"verb":"fault","what":"pulse-late","value":4000000}' >"$tmp/said" 2>&1
equals 'late pulse: the reason is the limit' "$(field trip_reason <"$tmp/safe")" 10
at_most 'late pulse: trip, ms' "$(ms "$(field t_trip_ns <"$tmp/safe")")" 300
check 'late pulse: the reason by name' within 10 tripped_by limit
says 'late pulse: the event says what it was' 'limit of the profile: pulse.late_ns was [4-9][.0-9]* ms, limit 2 ms' \
	homeostat events -n 20
fault pulse-late '"value":0' >/dev/null
check 'late pulse: on time again, it arms' homeostat arm
check 'late pulse: is armed' within 10 hs_armed

# the daemon crashes
rm -f "$tmp/safe"
hog -t 4 -d 3 -o "$tmp/crashed" &
hogs=$!
# a hog that is forked while sched_ext is about to leave is the kernel's own scheduler's, and holds up all others
hogs_are_there() { [ "$(wc -w <"/proc/$hogs/task/$hogs/children")" -eq 4 ]; }
check 'crash: the hogs are there' within 10 hogs_are_there
tsafe -d 3 -o "$tmp/safe" -j '{"verb":"fault","what":"segv"}' >"$tmp/said" 2>&1
at_most 'crash: first decision by stock rules, ms' "$(ms "$(field t_safe_ns <"$tmp/safe")")" 25
equals 'crash: the reason is its death' "$(field trip_reason <"$tmp/safe")" 13
wait "$hogs"
at_least 'crash: all hogs lived and worked on' "$(field least_work <"$tmp/crashed")" 1000
hs_kill
finish
