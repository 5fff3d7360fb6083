#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: helping kernel=scx cpus=1
# limit: 600
#
# "Am I helping?": a harmful profile is found out and leaves; a change of load is not taken for harm; the
# balanced profile beside noisy load stays. And service levels. Longer: scripts/helping.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh
# shellcheck source=selftests/lab/noise.sh
. /lab/noise.sh

sleep 5
now() { cut -d. -f1 /proc/uptime; }
# slowly SECONDS COMMAND…: as within, once a second: asking often is a load of its own
slowly() {
	_end=$(($(now) + $1))
	shift
	while ! "$@"; do
		[ "$(now)" -lt "$_end" ] || return 1
		sleep 1
	done
}
tripped() { [ "$(status_leaf tripped.reason)" = "$1" ]; }

hog -t 4 -d 50 >/dev/null &
hogs=$!
probe -d 50 >/dev/null &
probe=$!
hs_start /lab/harmful.yaml --mode act || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
equals 'act: stock is observed first' "$(status_leaf helping.first)" true
equals 'act: not armed meanwhile' "$(status_leaf armed)" false
check 'act: armed after that' slowly 10 hs_armed
armed=$(now)
check 'harm: tripped' slowly 40 tripped harm
# for, observe and the proof (5 looks, 15 where they disagree), each with one to settle, and what a busy host adds
at_most 'harm: in time, s' $(($(now) - armed)) $((5 + 3 + 15 + 3 + 4))
equals 'harm: sched_ext is disabled' "$(scx_state)" disabled
says 'harm: the vital sign' '^sched\.wait\.(critical|normal)\.p99_ns$' status_leaf tripped.vital
at_least 'harm: the value is above the limit' "$(status_leaf tripped.value)" "$(($(status_leaf tripped.limit) + 1))"
equals 'harm: the verdict' "$(status_leaf helping.verdict)" harm
says 'harm: the text says why' 'tripped: harm.*p99_ns was .*, limit' homeostat status
says 'harm: looks at stock are events' 'left to look at stock' homeostat events -n 200
at_least 'harm: it was looked at' "$(status_leaf helping.looks)" 1
kill "$hogs" "$probe" 2>/dev/null
wait "$hogs" "$probe"
hs_stop

# armed by hand, nothing known of stock, and then a step of load
{
	sed '/^helping:/d' "$profiles/balanced.yaml"
	echo 'helping: { margin: 100%, for: 3s, observe: 2s }'
	echo 'slo: [ { report: late, max: 10, for: 2s } ]'
} >"$tmp/levels.yaml"
hs_act "$tmp/levels.yaml" || cannot 'homeostatd starts again' "$(tail -n 1 "$hs_log")"
hog -t 8 -d 14 >/dev/null &
hogs=$!
probe -d 14 >/dev/null
wait "$hogs"
check 'a step of load: armed' within 20 hs_armed
equals 'a step of load: no trip' "$(status_leaf tripped)" null

# service levels: only what the profile lists, by the group, not by anybody
as() { _user=$1; shift; setpriv --reuid 65534 --regid "$_user" --clear-groups homeostat "$@"; }
refuses 'report: a name that the profile does not list' 4 homeostat report early 1
check 'report: the group may' as 900 report late 9
refuses 'report: nobody may not' 4 as 65534 report late 9
reported() { [ "$(status_leaf 'slo[late].value')" = 9 ]; }
check 'report: is known' slowly 3 reported
# the reporter is known, and goes on alone
as_another() { setpriv --reuid 65533 --regid 900 --clear-groups homeostat "$@"; }
check 'report: it goes on' as 900 report late 9
refuses 'report: another user, meanwhile' 4 as_another report late 99
says 'report: the first is in the log' 'report late, first by uid 65534, pid [0-9]+: 9' cat "$hs_log"
n=0
while [ $n -lt 30 ] && ! tripped slo; do # a look at stock in between begins the two seconds anew
	homeostat report late 11 >/dev/null
	sleep 1
	n=$((n + 1))
done
check 'service level: missed is a trip' tripped slo
equals 'service level: value' "$(status_leaf tripped.value)" 11
equals 'service level: limit' "$(status_leaf tripped.limit)" 10
equals 'service level: sched_ext is disabled' "$(scx_state)" disabled
says 'service level: the log names the reporter' \
	'gate shut, reason slo:.*\(late was 11, limit 10, reported by uid 0, pid [0-9]+\)' cat "$hs_log"
recorded() { homeostat incident >"$tmp/incident" 2>/dev/null && grep -q 'reported by uid 0' "$tmp/incident"; }
check 'service level: so does the record' slowly 10 recorded
hs_stop

if long 'balanced: minutes of noise'; then
	hs_start balanced --mode act || cannot 'balanced starts' "$(tail -n 1 "$hs_log")"
	check 'balanced: armed' within 20 hs_armed
	# those before are counted, too: the flight recorder outlives a daemon
	trips=$(status_leaf incidents.trips)
	noise 2 0
	check 'balanced: armed after minutes of noise' within 20 hs_armed
	equals 'balanced: no trip' "$(status_leaf tripped)" null
	says 'balanced: judged' '^(fine|soon|stock|unknown|worse|looking|proving)$' status_leaf helping.verdict
	equals 'balanced: none meanwhile' "$(status_leaf incidents.trips)" "$trips"
fi
finish
