#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: requests kernel=scx cpus=1 long
# limit: 200
#
# Requests into another namespace, beside a flood of bulk on the same interface whose receiver cannot keep up, and a hog: how long they
# take in stock, and with homeostat. One CPU, so virtual time says.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

network_make || cannot 'two namespaces are connected' 'see the console'
{
	sed 's/^helping:.*/helping: { margin: 0% }/' "$profiles/balanced.yaml"
	cat <<-'END'
		interfaces:
		  - { name: near }
		flows:
		  - { name: backup, class: bulk, dscp: CS1 }
		  - { name: orders, class: critical, protocol: udp, peer: 10.77.0.0/24 }
		workloads:
		  - { name: ask, class: critical, match: { comm: reqrep } }
		  - { name: answer, class: critical, match: { comm: reqrep-server } }
	END
} >"$tmp/rule.yaml"
sed '/- when: net.congestion_permille/,/cooldown:/d; s/^knobs:$/&\n  - { name: net.bulk.limit_hz, value: 2000hz }/' "$tmp/rule.yaml" >"$tmp/fixed.yaml"

# of NAME KEY: what `homeostat flows` says of a flow
of() { homeostat --json flows | leaf "flows[$1].$2"; }
knob_is() { [ "$(knob "$1")" = "$2" ]; }
armed() { [ "$(status_leaf armed)" = true ]; }
# act PROFILE
act() {
	hs_start "$tmp/$1.yaml" || return 1
	homeostat mode act >/dev/null
	within 20 armed
}
# flooded NAME: figures of the requests are in $tmp/NAME, of bulk's receiver in $tmp/NAME.sink
flooded() {
	rm -f "$tmp/$1" "$tmp/$1.sink"
	datagrams -l -A 10.77.0.1 -P 9001 -b 256 -w 20 -o "$tmp/$1.sink" &
	_sink=$!
	within 10 grep -q ':2329 ' /proc/net/udp # port 9001
	hog -t 1 -d 5 >/dev/null &
	_hog=$!
	ip netns exec far datagrams -A 10.77.0.1 -P 9001 -q 8 -d 5 -r 100000 -o "$tmp/sent" &
	_flood=$!
	sleep 2 # until a rule has found where it holds (virtual time)
	reqrep -u -N far -A 10.77.0.2 -r 500 -w 20 -n 1000 -o "$tmp/$1"
	wait "$_flood" "$_hog" "$_sink"
}
figure() { field "$2" <"$tmp/$1"; }

flooded stock
equals 'stock: all are answered' "$(figure stock unanswered)" 0
for arm in fixed rule; do
	act $arm || cannot "$arm: homeostat arms" "$(tail -n 1 "$hs_log")"
	[ $arm = rule ] || check 'the limit is in force' within 10 knob_is net.bulk.limit_hz 2000
	flooded $arm
	equals "$arm: all are answered" "$(figure $arm unanswered)" 0
	at_least "$arm: answers, as seen by the hook" "$(of orders packets)" 1000
	at_least "$arm: bulk is shed" "$(of backup shed)" 1000
	equals "$arm: nothing else is" "$(of orders shed)" 0
	hs_stop
	at_most "$arm: p99, ns: a tenth of what it is in stock" "$(figure $arm p99_ns)" "$(($(figure stock p99_ns) / 10))"
done
for arm in stock fixed rule; do
	say "# $arm: p50, p99 $(figure $arm p50_ns) $(figure $arm p99_ns) ns; bulk delivered $(figure $arm.sink received)"
done
finish
