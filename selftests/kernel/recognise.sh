#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: net kernel=scx cpus=1
# limit: 200
#
# What no flow is declared for, by real programs over veth: iperf3 is taken for bulk and held to its limit, requests beside it
# are not, and go out first; and nothing of the kind happens where the profile does not ask for it.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

# net.sh, of the same boot, may have made it
[ -e /sys/class/net/near ] || network_make || cannot 'two namespaces are connected' 'see the console'
{
	# its rule would move the limit that is counted on here
	sed '/when: net.congestion_permille/,/cooldown:/d' "$profiles/balanced.yaml"
	cat <<-'END'
		interfaces:
		  - { name: near }
		flows:
		  - { name: ping, class: normal, protocol: 1 }
	END
} | sed 's/^knobs:$/&\n  - { name: net.bulk.limit_hz, value: 2000hz }/' >"$tmp/none.yaml"
{
	cat "$tmp/none.yaml"
	echo 'recognise: true'
} >"$tmp/seen.yaml"
bulk='(recognised bulk)' requests='(recognised requests)'

# of NAME KEY: what `homeostat flows` says of a flow
of() {
	homeostat --json flows | jflat | awk -v path="flows[$1].$2 " '
		index($0, path) == 1 { print substr($0, length(path) + 1) }'
}
# knob_is NAME VALUE
knob_is() { [ "$(knob "$1")" = "$2" ]; }
listens() { ip netns exec far grep -q ":$(printf %04X "$1") .* 0A " /proc/net/tcp /proc/net/tcp6; }
ip netns exec far iperf3 -s >/dev/null 2>&1 &
server=$!
check 'iperf3 listens' within 10 listens 5201
# beside OPTION…: requests to the other end, while iperf3 runs with these
beside() {
	rm -f "$tmp/requests"
	iperf3 -c 10.77.0.2 -t 6 "$@" >"$tmp/iperf" 2>&1 &
	_iperf=$!
	sleep 1 # nothing is waited for: requests are to begin in the midst of it (virtual time)
	reqrep -u -N far -A 10.77.0.2 -r 100 -w 20 -n 300 -o "$tmp/requests"
	wait "$_iperf"
}

# nobody asked
hs_act "$tmp/none.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"
check 'the limit is in force' within 10 knob_is net.bulk.limit_hz 2000
equals 'not asked: there is no such row' "$(of "$bulk" packets)$(of "$requests" packets)" ''
beside -R -u -b 60M -l 1200
equals 'not asked: none was shed' "$(of '(others)' shed)" 0
equals 'not asked: none has a priority' "$(of '(others)' prioritised)" 0
at_least 'not asked: they came' "$(of '(others)' packets)" 20000

# a flood of large datagrams that comes in: 6000 a second, of which 2000 are let in
check 'a profile that asks' homeostat profile load "$tmp/seen.yaml"
check 'from so much on it is bulk' within 10 knob_is net.recognise.bulk_kbit 20000
check 'and from so many' within 10 knob_is net.recognise.flood_hz 20000
beside -R -u -b 60M -l 1200
at_least 'datagrams: taken for bulk' "$(of "$bulk" packets)" 20000
at_least 'datagrams: shed' "$(of "$bulk" shed)" 10000
at_most 'datagrams: let in' "$(($(of "$bulk" packets) - $(of "$bulk" shed)))" 16000
at_least 'requests: taken for such, coming in' "$(of "$requests" packets)" 200
at_least 'requests: taken for such, going out' "$(of "$requests" sent)" 200
equals 'requests: each has its priority' "$(of "$requests" prioritised)" "$(of "$requests" sent)"
equals 'requests: none was shed' "$(of "$requests" shed)" 0
equals 'others: none was shed' "$(of '(others)' shed)" 0
equals 'requests: all are answered' "$(field unanswered <"$tmp/requests")" 0
say "# $(of "$bulk" packets) of bulk, $(of "$bulk" shed) shed; $(of "$requests" packets) and $(of "$requests" sent) of requests;" \
	"$(of '(others)' packets) and $(of '(others)' sent) of neither; p99 $(field p99_ns <"$tmp/requests") ns"
ping -c 3 10.77.0.2 >/dev/null
equals 'what is declared is not among them' "$(of ping packets)" 3
says 'as a table' '^\(recognised bulk\) +bulk ' homeostat flows

# a TCP transfer that goes out: the last, and paced where the queueing discipline can
check 'fq' insmod "/lib/modules/$(uname -r)/sch_fq.ko"
check 'fq at the interface' tc qdisc replace dev near root fq
paced() { [ "$(homeostat --json flows | leaf 'interfaces[near].egress')" = paced ]; }
check 'fq: bulk can be paced' within 10 paced
homeostat wish net.bulk.pace_kbit 30mbit >/dev/null
before=$(of "$bulk" sent)
beside
at_least 'a transfer: taken for bulk' "$(($(of "$bulk" sent) - before))" 5000
at_least 'a transfer: paced' "$(of "$bulk" paced)" 5000
at_least 'a transfer: delayed' "$(of "$bulk" delayed)" 1000
at_least 'a transfer: last' "$(of "$bulk" prioritised)" 5000
equals 'requests: all are answered' "$(field unanswered <"$tmp/requests")" 0
equals 'requests: none is paced' "$(of "$requests" paced)" 0
equals 'others: none is paced' "$(of '(others)' paced)" 0
# its ACKs, which come in, are no bulk
equals 'ACKs: none was shed' "$(of '(others)' shed) $(of "$requests" shed)" '0 0'

# what the knob stands at by itself: never
homeostat wish net.recognise.bulk_kbit 40gbit >/dev/null
check 'a wish: never' within 10 knob_is net.recognise.bulk_kbit 40000000
before="$(of "$bulk" sent) $(of "$bulk" packets)"
beside -b 60M # unbounded it is a gigabit, of packets that are emulated one by one
equals 'the knob says never: no bulk' "$(of "$bulk" sent) $(of "$bulk" packets)" "$before"
homeostat wish net.recognise.bulk_kbit --clear >/dev/null
check 'the wish is gone' within 10 knob_is net.recognise.bulk_kbit 20000
kill -STOP "$hs_pid"
homeostat trip >/dev/null
beside -R -u -b 60M -l 1200
kill -CONT "$hs_pid"
equals 'the gate is shut: nothing is looked up' "$(of "$bulk" sent) $(of "$bulk" packets)" "$before"
kill "$server"
finish
