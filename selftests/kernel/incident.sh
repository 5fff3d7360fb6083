#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: incident kernel=scx cpus=1
# limit: 240
#
# What follows a trip or a death: a record with the right reason, and after the third one stock, until a
# person says otherwise.

# shellcheck disable=SC2317,SC2154  # functions that are passed by name; variables of incidents.sh
# shellcheck source=selftests/kernel/incidents.sh
. /lab/kernel/incidents.sh

hs_act "$tmp/hand.yaml" --state "$state" || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
equals 'nothing has tripped: nothing to wait for' "$(status_leaf rearm)" null
equals 'no record yet' "$(incidents)" 0
refuses 'no record to show' 1 homeostat incident --state "$state"
check 'disarm and arm are no trip' homeostat disarm
check 'arm' homeostat arm
check 'is armed' within 20 hs_armed
sleep 3

# by hand
check 'trip' homeostat trip
check 'trip: a record' within 10 recorded 1 operator
equals 'trip: a person has to arm' "$(status_leaf rearm.state)" by-hand
equals 'trip: it is not held' "$(status_leaf rearm.held)" false
says 'trip: status says it in words' '^again +.homeostat arm' homeostat status
says 'trip: the record says why' '^reason +operator: somebody' homeostat incident --state "$state"
says 'trip: the record has the minute before' '^sched.switches_hz ' homeostat incident --state "$state"
equals 'trip: the profile' "$(incident profile.name)" balanced
equals 'trip: the mode' "$(incident mode)" act
at_least 'trip: samples' "$(homeostat --json incident --state "$state" | jflat | grep -c '^samples\[.*\]\.ns ')" 3
at_least 'trip: stock after, ns' $(($(incident safe_ns) - $(incident trip_ns))) 0
at_most 'trip: stock after, ns' $(($(incident safe_ns) - $(incident trip_ns))) 100000000
at_least "trip: all tasks with the kernel's own scheduler, ns after that" $(($(incident off_ns) - $(incident safe_ns))) 1
at_most "trip: all tasks with the kernel's own scheduler, ns after that" $(($(incident off_ns) - $(incident safe_ns))) 100000000
equals 'trip: the record is for root' "$(stat -c '%a %u' "$state"/incidents/*-operator.json)" '600 0'
equals 'trip: its directory, too' "$(stat -c '%a %u' "$state/incidents")" '700 0'
refuses 'trip: and for nobody else' 4 setpriv --reuid 65534 --regid 900 --clear-groups homeostat incidents --state "$state"
check 'trip: arm' homeostat arm
check 'trip: is armed again' within 20 hs_armed
# it writes for milliseconds: with the precedence of the main loop it would be that one's hog
at_least 'trip: there is a scribe' "$(cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^homeostat-scrib$')" 1
equals 'trip: the scribe has no part in the precedence of homeostatd' "$(workload_of homeostat-scrib)" ''
equals 'trip: which its main loop has' "$(workload_of homeostatd)" '"workload":"homeostatd"'
check 'trip: nothing waits any more' nothing_waits

# of other kinds
kill -STOP "$hs_pid"
tsafe -d 1 >/dev/null 2>&1
gate_shut() { scx_is disabled; }
check 'heartbeat: sched_ext leaves' within 10 gate_shut
kill -CONT "$hs_pid"
check 'heartbeat: a record' within 10 recorded 2 heartbeat
silence=$(($(incident trip_ns) - $(incident heartbeat.last_ns)))
at_least 'heartbeat: the last one was before, ns' $silence 1
at_most 'heartbeat: and not long, ns' $silence 1000000000
equals 'heartbeat: a person has to arm' "$(status_leaf rearm.state)" by-hand
check 'heartbeat: arm' homeostat arm
check 'heartbeat: is armed' within 20 hs_armed
echo S >/proc/sysrq-trigger
check 'sched_ext ended by sysrq: a record' within 10 recorded 3 sched-exit
at_least 'sched_ext ended by sysrq: what it said' "$(incident sched_ext.kind)" 1
check 'mode act, by hand, arms as well' homeostat mode act
check 'mode act: is armed' within 20 hs_armed

# dead while it acts: the next one counts it and writes it up from what was left
die() {
	scribe=$(child "$hs_pid" homeostat-scrib)
	equals "$1: it has a scribe" "$(cat "/proc/$scribe/comm")" homeostat-scrib
	equals "$1: without privileges" "$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$scribe/status")" 0000000000000000
	equals "$1: with a filter" "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$scribe/status")" 2
	hs_kill
	check "$1: its scribe is gone, too" within 10 gone "$scribe"
}
die 'first death'
hs_start "$tmp/hand.yaml" --mode act --state "$state"
check 'first death: a record' within 10 recorded 4 died
at_least 'first death: with the samples of the dead' "$(homeostat --json incident --state "$state" | jflat | grep -c '^samples\[.*\]\.ns ')" 1
equals 'first death: and its profile' "$(incident profile.name)" balanced
check 'first death: mode act is an order' within 20 hs_armed
die 'second death'
hs_start "$tmp/hand.yaml" --mode act --state "$state"
check 'second death: is armed' within 20 hs_armed
die 'third death'
hs_start "$tmp/hand.yaml" --mode act --state "$state"
check 'third death: held' within 10 rearm_is held
check 'third death: a record' within 10 recorded 6 died
equals 'third death: the record knows' "$(incident rearm.held)" true
equals 'third death: stock' "$(scx_state)" disabled
says 'third death: status says so' '^again +held at stock after 3 trips within' homeostat status
says 'third death: doctor says so' 'held at stock after 3 trips' homeostat doctor
check 'held: it stops' hs_stop
hs_start "$tmp/hand.yaml" --mode act --state "$state"
check 'held: a restart does not help' rearm_is held
refuses 'held: nor does mode act' 4 homeostat mode act
equals 'held: stock' "$(scx_state)" disabled
check 'held: arm does' homeostat arm
check 'held: is armed' within 20 hs_armed
check 'held: no more' nothing_waits
hs_stop
finish
