#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: rearm kernel=scx cpus=1
# limit: 240
#
# Arming again by itself: after a pause that doubles, which no restart gets round and a person ends.

# shellcheck disable=SC2317,SC2154  # functions that are passed by name; variables of incidents.sh
# shellcheck source=selftests/kernel/incidents.sh
. /lab/kernel/incidents.sh

# of its own accord, after a pause that doubles
hs_act "$tmp/again.yaml" --state "$state" || cannot 'homeostatd starts again' "$(tail -n 1 "$hs_log")"
waits() { rearm_is waiting && [ "$(status_leaf rearm.trips)" -eq "$1" ]; }
n=$(incidents)
for trips in 1 2; do
	echo S >/proc/sysrq-trigger
	check "re-arm $trips: waits" within 10 waits $trips
	at=$(cut -d' ' -f1 /proc/uptime)
	in=$(status_leaf rearm.in_ns)
	at_most "re-arm $trips: how long, ns" "$in" $((trips * 3000000000))
	says "re-arm $trips: status says so" "^again +trip $trips of 3 within .*: it arms again in" homeostat status
	check "re-arm $trips: a record" within 10 recorded $((n + trips)) sched-exit
	at_least "re-arm $trips: the record has the pause, ns" "$(incident rearm.in_ns)" $((trips * 3000000000 - 1500000000))
	check "re-arm $trips: is armed" within 20 hs_armed
	took=$(awk -v a="$at" '{ print int(($1 - a) * 1000000000) }' /proc/uptime)
	at_least "re-arm $trips: not before its time, ns" "$took" $((in - 200000000))
	at_most "re-arm $trips: a second late at most, ns" "$took" $((in + 1500000000))
done
# a restart is no way round the pause
hs_stop
hs_start "$tmp/again.yaml" --mode act --state "$state"
check 'restart: is armed, the pause is over' within 20 hs_armed
echo S >/proc/sysrq-trigger
check 'third trip: held' within 10 rearm_is held
check 'held: arm' homeostat arm
check 'held: is armed' within 20 hs_armed
echo S >/proc/sysrq-trigger
check 'counted anew' within 10 waits 1
hs_kill
hs_start "$tmp/again.yaml" --mode act --state "$state"
check 'killed while it waits: it still waits' within 5 waits 1
equals 'killed while it waits: stock' "$(scx_state)" disabled
check 'killed while it waits: armed in time' within 10 hs_armed
# a person's trip while it waits
echo S >/proc/sysrq-trigger
check 'waits again' within 10 waits 2
check 'trip while it waits' homeostat trip
check 'trip while it waits: it waits no more' within 10 rearm_is by-hand
sleep 8
equals 'trip while it waits: still stock' "$(scx_state)" disabled
check 'trip while it waits: arm' homeostat arm
check 'trip while it waits: is armed' within 20 hs_armed
echo S >/proc/sysrq-trigger
check 'waits once more' within 10 waits 1
check 'disarm while it waits' homeostat disarm
check 'disarm while it waits: it waits no more' rearm_is by-hand
# a person's word outlives the daemon: the next start is told to act, and is not to
refused_by_hand() { [ "$(status_leaf refusal)" = "\`homeostat arm\` arms again" ]; }
for mode in observe advise; do
	check "mode $mode: armed before" homeostat mode act
	check "mode $mode: is armed" within 20 hs_armed
	check "mode $mode" homeostat mode $mode
	check "mode $mode: nothing waits" nothing_waits
	hs_kill
	hs_start "$tmp/again.yaml" --mode act --state "$state"
	check "mode $mode, killed, started to act: it tried to arm, and was refused" within 30 refused_by_hand
	check "mode $mode, killed, started to act: a person has to arm" rearm_is by-hand
	equals "mode $mode, killed, started to act: stock" "$(scx_state)" disabled
done
hs_stop
finish
