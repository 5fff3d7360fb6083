#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: window kernel=scx cpus=1
# limit: 420
#
# What waits for its time: it outlives homeostatd; in a maintenance window it has notice, hooks and a longer watch.

# shellcheck disable=SC2317,SC2154  # functions that are called through check; variables of guarded.sh
# shellcheck source=selftests/kernel/guarded.sh
. /lab/kernel/guarded.sh
# shellcheck source=selftests/kernel/proposals.sh
. /lab/kernel/proposals.sh

somaxconn=/proc/sys/net/core/somaxconn
state=$tmp/state
kept=$state/pending/pending.json
echo 128 >"$somaxconn"
# hook NAME LINE…: a program that writes down what it is told, and then does that
# shellcheck disable=SC2016  # what it says it says when it is run
hook() {
	_hook=$tmp/$1
	shift
	{
		printf '#!/bin/sh\necho "%s $HOMEOSTAT_REASON" >>%s/told\n' "${_hook##*/}" "$tmp"
		printf '%s\n' "$@"
	} >"$_hook"
	chmod 755 "$_hook"
}
hook call
hook before
hook after
told() { grep -q -- "$1" "$tmp/told"; }
# profile NAME MEMBERS-OF-CHANGES-LINE…
profile() {
	_out=$tmp/$1.yaml
	shift
	{
		sed "s|^trip:.*|trip: { hook: $tmp/call }|" "$profiles/balanced.yaml"
		printf 'changes:\n  risk: 3\n  allow: net.core.somaxconn vm.swappiness\n'
		for _line; do printf '  %s\n' "$_line"; done
	} >"$_out"
}
always='Sun,Mon,Tue,Wed,Thu,Fri,Sat 00:00-24:00'
profile never 'expire: 2h'
profile soon "maintenance: $always" 'observe: 20s' "before: $tmp/before" "after: $tmp/after"
profile window "maintenance: $always" 'notice: 60s' 'observe: 20s' "before: $tmp/before" "after: $tmp/after"

logged() { grep -Eq -- "$1" "$hs_log"; }
# begin PROFILE MODE: under the guard
begin() {
	rm -f "$run/breaker"
	homeostat-guard -- /usr/bin/homeostatd --profile "$tmp/$1.yaml" --mode "$2" --state "$state" >>"$hs_log" 2>&1 &
	guard=$!
	within 20 answers || cannot 'the daemon starts under its guard' "$(tail -n 1 "$hs_log")"
	hs_pid=$(child "$guard" homeostatd)
	restorer=$(child "$guard" homeostat-guard)
}
answers() { status >/dev/null 2>&1; }
end() {
	kill -"$1" "$2"
	within 20 all_gone || say '# somebody is left'
	wait "$guard" 2>/dev/null
	hs_pid=
}

# what waits outlives whoever is killed, with its number
begin never advise
propose rules net.core.somaxconn 1024
waits=$id
check 'it is on the disk before the answer' answered '"kept":true'
check 'there it stands' grep -q "\"id\":$waits," "$kept"
propose rules vm.swappiness 20 '"timing":"maintenance"'
later=$id
propose rules vm.swappiness 30
refused=$id
check 'what is of another change is refused' [ "$refused" = '' ]
end KILL "$hs_pid"
begin never advise
says 'killed: it waits as before' "^$waits pending .*mode advise" homeostat pending
says 'and the other one' "^$later pending" homeostat pending
says 'what is expected of it, in words' 'expected: net.listen_full_hz is to go down \(' homeostat pending --kb /usr/share/homeostat/parameters.yaml
check 'approved' homeostat approve "$waits"
check 'it is made' within 20 reads "$somaxconn" 1024
check 'its row says that it is under way' grep -q "\"id\":$waits,.*\"state\":\"watched\"" "$kept"
end KILL "$hs_pid"
equals 'killed while it is watched: put back' "$(cat "$somaxconn")" 128
begin never advise
says 'it is not made again' 'homeostatd ended while it was under way' why "$waits"
equals 'nothing is changed' "$(cat "$somaxconn")" 128
homeostat reject "$later" >/dev/null
propose rules vm.swappiness 25
at_least 'its number is a new one' "$id" $((later + 1))
homeostat reject "$id" >/dev/null

# the hook of a trip, while that of something that waits still runs
hook call 'sleep 8'
rm -f "$run/breaker"
homeostat mode act >/dev/null
within 20 hs_armed || cannot 'it arms' "$(tail -n 1 "$hs_log")"
propose rules vm.dirty_background_ratio 5
check 'the hook is told that something waits' within 80 told "call pending $id: vm.dirty_background_ratio"
homeostat trip >/dev/null
check 'that of the trip is run when it has ended' within 30 told 'call operator'
homeostat reject "$id" >/dev/null
hook call

# a window: notice, a hook before, the change, a hook after, a longer watch
rm -f "$tmp/told"
homeostat arm >/dev/null
homeostat profile load "$tmp/window.yaml" >/dev/null
within 20 hs_armed || cannot 'it arms' "$(tail -n 1 "$hs_log")"
propose person net.core.somaxconn 1024 '"timing":"maintenance"'
check 'notice is given, with what will be changed' within 10 told "call notice $id: net.core.somaxconn 128 -> 1024"
says 'until then it waits' 'until 60 s after notice was given of it' why "$id"
equals 'and nothing is changed' "$(cat "$somaxconn")" 128
check 'then it is made' within 90 reads "$somaxconn" 1024
check 'the hook before it' told "before before $id: net.core.somaxconn 128 -> 1024"
check 'the hook after it' within 10 told "after after $id: net.core.somaxconn 128 -> 1024"
equals 'in that order' "$(cut -d ' ' -f 1 <"$tmp/told" | tr '\n' ' ')" 'call before after '
check 'its watch is over, and it is observed' becomes "$id" observed 12
check 'then it stays' becomes "$id" committed 20
say "# observed, and then: $(why "$id")"
# a hook that fails; notice is not given again
homeostat profile load "$tmp/soon.yaml" >/dev/null
hook before 'exit 7'
propose person net.core.somaxconn 2048 '"timing":"maintenance"'
check 'the hook before it fails: it is not made' within 30 state_is "$id" failed
says 'and why' 'the hook before it failed \(7\): nothing was changed' why "$id"
equals 'it is what was committed' "$(cat "$somaxconn")" 1024
# one that hangs does not keep it waiting for ever
hook before 'sleep 1000'
propose person net.core.somaxconn 2048 '"timing":"maintenance"'
check 'the hook before it hangs: killed, and it is not made' within 60 state_is "$id" failed
check 'at its limit' logged 'hook .*/before: killed: its time is over \(limit 10000 ms\)'
equals 'it is what was committed' "$(cat "$somaxconn")" 1024
# worse while it is observed
hook before
propose person net.core.somaxconn 128 '"timing":"maintenance"'
check 'another one is observed' becomes "$id" observed 14
backlog -d 100000 -b 600 &
load=$!
check 'worse while it is observed: put back' within 40 state_is "$id" rolled_back
equals 'it is what was committed' "$(cat "$somaxconn")" 1024
say "# observed, and back: $(why "$id")"
kill "$load"
wait "$load"
end TERM "$guard"
finish
