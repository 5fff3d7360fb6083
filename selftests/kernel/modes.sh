#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: daemon kernel=scx cpus=1
#
# Modes, arming, wishes, profiles and who may change them.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

hs_start balanced || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"

scx_off() { scx_is disabled; }
check 'mode advise' homeostat mode advise
equals 'advise: no scheduler' "$(scx_state)" disabled
check 'mode act' homeostat mode act
check 'act: sched_ext is enabled' within 20 hs_armed
says 'act: it is our scheduler' '^homeostat' cat "$scx/root/ops"
equals 'act: status says so' "$(status_leaf scheduler)" homeostat
generation=$(status_leaf generation)
check 'disarm' homeostat disarm
check 'disarm: sched_ext is disabled' within 10 scx_off
check 'arm' homeostat arm
check 'arm: sched_ext is enabled' within 20 hs_armed
at_least 'arm: another generation' "$(status_leaf generation)" $((generation + 1))

check 'trip' homeostat trip
check 'trip: sched_ext is disabled' within 10 scx_off
equals 'trip: status says who' "$(status_leaf tripped.reason)" operator
says 'trip: there is an event' 'trip' homeostat events -n 100
check 'arm after a trip' homeostat arm
check 'arm after a trip: sched_ext is enabled' within 20 hs_armed

k=sched.slice.normal_us
base=$(knob "$k")
max=$(knob "$k" max)
knob_is() { [ "$(knob "$k")" = "$1" ]; }
check 'wish' homeostat wish "$k" $((base / 2))us
check 'wish: the knob follows' within 10 knob_is $((base / 2))
equals 'wish: is the cause' "$(knob "$k" cause)" wish
says 'wish: explained' 'wish' homeostat explain "$k"
refuses 'wish over the bound' 4 homeostat wish "$k" $((max + 1))us
says 'wish over the bound: it says what would be right' "$k: $((max + 1)) is out of bounds; expected " homeostat wish "$k" $((max + 1))us
equals 'wish over the bound: the knob stays' "$(knob "$k")" $((base / 2))
check 'wish taken back' homeostat wish "$k" --clear
check 'wish taken back: the base is back' within 10 knob_is "$base"
refuses 'wish for a knob that is not there' 2 homeostat wish sched.nonsense 1

cp "$profiles/balanced.yaml" "$tmp/bad.yaml"
echo 'nonsense: 1' >>"$tmp/bad.yaml"
refuses 'profile check: a bad one' 5 homeostat profile check "$tmp/bad.yaml"
says 'profile check: file and line' "bad.yaml:$(wc -l <"$tmp/bad.yaml"): .*nonsense" homeostat profile check "$tmp/bad.yaml"
refuses 'profile load: a bad one is refused' 5 homeostat profile load "$tmp/bad.yaml"
equals 'profile load: the running one stays' "$(status_leaf profile)" balanced
check 'profile load: and goes on acting' hs_armed
# the daemon reads it by itself: the file that it runs has become bad
cp "$profiles/edge.yaml" "$tmp/edge.yaml"
check 'profile load: a good one' homeostat profile load "$tmp/edge.yaml"
equals 'profile load: it runs' "$(status_leaf profile)" edge
base=$(knob "$k")
sed -i 's/^name: edge/name: broken/; $a nonsense: 1' "$tmp/edge.yaml"
kill -HUP "$hs_pid"
check 'reload of a bad one: it says why' within 10 grep -q "edge.yaml.*nonsense" "$hs_log"
equals 'reload of a bad one: the running one stays' "$(status_leaf profile)" edge
equals 'reload of a bad one: and its values' "$(knob "$k")" "$base"
for p in "$profiles"/*.yaml; do
	name=${p##*/}
	name=${name%.yaml}
	check "profile $name: check" homeostat profile check "$p"
	check "profile $name: load" homeostat profile load "$p"
	equals "profile $name: runs" "$(status_leaf profile)" "$name"
done
check 'still armed' hs_armed
homeostat profile load "$profiles/balanced.yaml" >/dev/null

# who may do what: nobody in particular, one of the group, root
not() { ! "$@"; }
as() { _user=$1; shift; setpriv --reuid 65534 --regid "$_user" --clear-groups homeostat "$@"; }
refuses 'nobody may not read' 4 as 65534 status
check 'the group may read' as 900 status
refuses 'the group may not change' 4 as 900 mode observe
equals 'the mode has not changed' "$(status_leaf mode)" act
check 'nobody may not trip' not as 65534 trip
check 'still armed after all' hs_armed
finish
