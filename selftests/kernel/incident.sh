#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: incident kernel=scx cpus=1
# limit: 240
#
# What follows a trip: a record with the right reason, arming again after a pause that grows, the
# stall-loop breaker that ends it; and that no disk and no death of the daemon changes any of that.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

state=$tmp/state
# incident [LEAF]: of the newest record
incident() { homeostat --json incident --state "$state" | leaf "$1"; }
incidents() { homeostat --json incidents --state "$state" | jflat | grep -c '\.reason '; }
recorded() { [ "$(incidents)" -eq "$1" ] && [ "$(incident reason)" = "$2" ]; }
tripped_by() { [ "$(status_leaf tripped.reason)" = "$1" ]; }
rearm_is() { [ "$(status_leaf rearm.state)" = "$1" ]; }
nothing_waits() { [ "$(status_leaf rearm)" = null ]; }
# a minute's pause, but for those who cannot wait
sed '/^trip:/d' "$profiles/balanced.yaml" >"$tmp/hand.yaml"
cp "$tmp/hand.yaml" "$tmp/again.yaml"
echo 'trip: { rearm: 3s, rearm_max: 10s, trips: 3, window: 1h }' >>"$tmp/again.yaml"
echo 'trip: { trips: 3, window: 1h }' >>"$tmp/hand.yaml"

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
equals 'trip: the record is for root' "$(stat -c '%a %u' "$state"/incidents/*-operator.json)" '600 0'
equals 'trip: its directory, too' "$(stat -c '%a %u' "$state/incidents")" '700 0'
refuses 'trip: and for nobody else' 4 setpriv --reuid 65534 --regid 900 --clear-groups homeostat incidents --state "$state"
check 'trip: arm' homeostat arm
check 'trip: is armed again' within 20 hs_armed
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
	scribe=$(grep -l "^PPid:[[:space:]]*$hs_pid\$" /proc/[0-9]*/status | sed 's/[^0-9]//g')
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

# a disk that is full, or turns read-only, is worth a line in the log
mkdir "$tmp/small"
mount -t tmpfs -o size=16k,mode=700 none "$tmp/small"
complained() { grep -q "$1" "$hs_log"; }
failed() { [ "$(status_leaf incidents.failed)" -ge "$1" ]; }
: >"$hs_log"
hs_act "$tmp/hand.yaml" --state "$tmp/small" || cannot 'homeostatd starts with a small disk' "$(tail -n 1 "$hs_log")"
dd if=/dev/zero of="$tmp/small/full" bs=4k 2>/dev/null
before=$(status_leaf incidents.failed)
check 'full disk: trip' homeostat trip
check 'full disk: the log says so' within 10 complained 'no record of this trip .operator. was written: No space left'
check 'full disk: and status' failed $((before + 1))
equals 'full disk: nothing half is left' "$(ls -A "$tmp/small/incidents")" ''
check 'full disk: arm' homeostat arm
check 'full disk: is armed' within 20 hs_armed
rm "$tmp/small/full"
mount -o remount,ro "$tmp/small"
check 'read-only disk: trip' homeostat trip
check 'read-only disk: the log says so' within 10 complained 'no record of this trip .operator. was written: Read-only'
check 'read-only disk: arm' homeostat arm
check 'read-only disk: is armed' within 20 hs_armed
sleep 3
check 'read-only disk: and stays so' hs_armed
hs_stop
: >"$hs_log"
hs_act "$tmp/hand.yaml" --state "$tmp/small" || cannot 'homeostatd starts with a read-only disk' "$(tail -n 1 "$hs_log")"
check 'read-only disk: says so at the start' complained 'state directory .*: Read-only file system. There will be no incident records'
equals 'read-only disk: and in status' "$(status_leaf incidents.recorded)" false
check 'read-only disk: trip' homeostat trip
check 'read-only disk: arm' homeostat arm
check 'read-only disk: is armed' within 20 hs_armed
hs_stop
umount "$tmp/small"

# the profile's hook, which the guard's restorer runs
cat >"$tmp/hook" <<-END
	#!/bin/sh
	echo "\$HOMEOSTAT_REASON" >>$tmp/hooked
END
chmod 755 "$tmp/hook"
sed "s|^trip:.*|trip: { hook: $tmp/hook }|" "$tmp/hand.yaml" >"$tmp/hook.yaml"
rm -f "$hs_run/breaker"
homeostat-guard -- /usr/bin/homeostatd --profile "$tmp/hook.yaml" --mode act --state "$state" >>"$hs_log" 2>&1 &
hs_pid=$!
hooked() { [ "$(cat "$tmp/hooked")" = "$1" ]; }
check 'hook: armed under the guard' within 20 hs_armed
homeostat disarm
homeostat arm
check 'hook: not at a disarming' [ ! -e "$tmp/hooked" ]
check 'hook: trip' homeostat trip
check 'hook: was run, and told why' within 10 hooked operator
check 'hook: arm' homeostat arm
check 'hook: is armed' within 20 hs_armed
rm "$tmp/hooked"
echo S >/proc/sysrq-trigger
check 'hook: of another trip' within 10 hooked sched-exit
sed 's|^trip:.*|trip: { hook: /nonexistent/hook }|' "$tmp/hand.yaml" >"$tmp/nohook.yaml"
says 'hook: one that is not there, in time: --check' 'would not be run here: No such file' homeostatd --check --profile "$tmp/nohook.yaml"
: >"$hs_log"
check 'hook: one that is not there is no reason to refuse a profile' homeostat profile load "$tmp/nohook.yaml"
check 'hook: one that is not there, in time: the log' complained 'warn: hook /nonexistent/hook would not be run here: No such file'
check 'hook: it ends, and its guard' hs_stop

# directories of others
mkdir -m 0777 "$tmp/open"
: >"$hs_log"
hs_start balanced --state "$tmp/open" || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
check 'state directory of everybody: a warning' complained 'others may write to it .mode 0777.'
hs_stop
refuses 'runtime directory of everybody: does not start' 1 /bin/timeout 10 homeostatd --socket "$tmp/open/control.sock"
says 'runtime directory of everybody: says why' 'others may write to it .mode 0777.; chmod go-w' homeostatd --socket "$tmp/open/control.sock"
mkdir -m 0755 "$tmp/own"
ln -s "$tmp/own" "$tmp/link"
refuses 'runtime directory is a link: does not start' 1 /bin/timeout 10 homeostatd --socket "$tmp/link/control.sock"
finish
