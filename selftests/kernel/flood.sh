#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: flood kernel=scx cpus=1
#
# Hostile clients, one CPU, the shortest heartbeat limit there is (5 ms): whatever they do to the
# control socket, nothing trips, root gets its answers, and memory stays where it was.

# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

hs_act hft || cannot 'homeostatd arms' "$(tail -n 1 "$hs_log")"
equals 'heartbeat limit, ns' "$(status_leaf heartbeat.limit_ns)" 5000000
generation=$(status_leaf generation)
# somebody who may connect, and is not root
socket=/run/homeostat/control.sock
chmod 0666 $socket

rss_kb() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\).*/\1/p' /proc/"$hs_pid"/status; }

# once around, so that all pages are touched that ever will be
flood -d 1 -r 2000 >/dev/null
rss=$(rss_kb)

# flooded NAME COMMAND…
flooded() {
	name=$1
	shift
	cpu=$(cpu_ms "$hs_pid")
	"$@" -d 1 >"$tmp/flood" &
	flood=$!
	answers=0
	while alive "$flood"; do
		if homeostat --json status >"$tmp/status"; then answers=$((answers + 1)); fi
	done
	wait "$flood"
	at_least "$name: attempts" "$(field attempts <"$tmp/flood")" 5000
	at_least "$name: root was answered meanwhile" "$answers" 2
	at_most "$name: CPU time of homeostatd, ms of 1000" "$(($(cpu_ms "$hs_pid") - cpu))" 300
	equals "$name: nothing tripped" "$(status_leaf armed) $(status_leaf generation)" "true $generation"
	cat "$tmp/flood"
}

flooded 'malformed messages, 10 000 a second' flood -m
flooded 'valid requests' flood -v
flooded 'lines without an end' flood -l
flooded 'replies left unread' flood -u
flooded 'connects and leaves' flood -a
flooded 'root: all of it, as fast as it can' flood -r 0
as() { _uid=$1; shift; setpriv --reuid="$_uid" --regid="$_uid" --clear-groups "$@"; }
flooded 'not root: all of it' as 65534 flood
flooded 'not root: all of it, as fast as it can' as 65534 flood -r 0
# one user connects, and then only waits: another gets its answer every time
as 65534 flood -k -r 20 -d 3 >"$tmp/flood" &
flood=$!
answers=0 refused=0
while alive "$flood"; do
	if as 65533 homeostat --json status >"$tmp/status" 2>>"$tmp/refused"; then
		answers=$((answers + 1))
	else
		refused=$((refused + 1))
	fi
done
wait "$flood"
at_least 'many idle connections of one user' "$(field connected <"$tmp/flood")" 13
at_least 'another user was answered meanwhile' "$answers" 2
equals 'another user was refused' "$refused" 0
at_most 'memory grew by, kB' "$(($(rss_kb) - rss))" 1024
equals 'the log complains of nothing' "$(grep -E '^(warn|error): ' "$hs_log" | grep -v '^warn: no guard:')" ''
finish
