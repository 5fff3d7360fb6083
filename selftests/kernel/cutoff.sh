#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: cutoff kernel=scx cpus=2 nics
# limit: 300
#
# A card's ring is changed by the hand, and the hand is killed at a system call of that, each time at a later one, with daemon, guard
# and restorer: while it reads what is there, before and after the request to the kernel, and while the change is watched. Or only
# daemon and hand are killed, with the restorer to put back. Then the ring has its old value: by the restorer, by `homeostat restore`, or
# by the next start. (Files, and the commit: killed.sh.)

# shellcheck disable=SC2317  # functions that are called through check; variables of guarded.sh
# shellcheck source=selftests/kernel/guarded.sh
. /lab/kernel/guarded.sh

# which stops: a read has eight; the ring is set between 28 and 29, after three of them. One before, those around, one while it is
# read back, one of the watching
stops=${KILLED_AT:-'9 28 29 31 33 40 120'}
for m in failover net_failover virtio_net; do
	insmod "/lib/modules/$(uname -r)/$m.ko" || cannot "module $m" 'see the console'
done
ip link set eth0 up && ip link set eth1 up
cat "$profiles/balanced.yaml" - >"$tmp/cards.yaml" <<'END'
changes:
  maintenance: Mon,Tue,Wed,Thu,Fri,Sat,Sun 00:00-23:59
  observe: 0s
END

rx() { ethtool -g eth0 | awk '/^RX:/ { n = $2 } END { print n }'; }
rx_is() { [ "$(rx)" = "$1" ]; }
started() {
	advised "$tmp/cards.yaml"
	hand=$(child "$hs_pid" homeostat-hand)
}
traced() { grep -q "^TracerPid:[[:space:]]*$killer$" "/proc/$hand/status"; }
nobody() { gone "$hs_pid" && gone "$guard" && gone "$restorer" && gone "$hand"; }
ask_for_it() {
	ask -j '{"verb":"propose","source":"person","proposals":[{"parameter":"net.rings.rx[eth0]","value":"512","reason":"a test"}]}' >"$tmp/answer"
	id=$(field id <"$tmp/answer")
	[ "$id" ] || cannot 'it is proposed' "$(cat "$tmp/answer")"
	killat -p "$hand" "$@" -o "$tmp/killat" &
	killer=$!
	within 5 traced || true
	homeostat approve "$id" >/dev/null
}

equals 'the ring as it comes' "$(rx)" 1024
nr=0 made=0
for k in $stops; do
	rm -f "$tmp/killat" "$run/breaker"
	started
	nr=$((nr + 1))
	if [ $((nr % 3)) -eq 2 ]; then # with the restorer
		ask_for_it -k "$k" -p "$hs_pid"
	else
		ask_for_it -k "$k" -p "$hs_pid" -p "$guard" -p "$restorer"
	fi
	wait "$killer"
	equals "stop $k: it came to it" "$(sed -n 's/.*"stops":\([0-9]*\).*/\1/p' "$tmp/killat")" "$k"
	check "stop $k: nobody is left" within 30 nobody
	hs_left=$(rx)
	case $hs_left in
	1024) ;;
	512) made=$((made + 1)) ;;
	*) not_ok "stop $k: old or new" "$hs_left" ;;
	esac
	if [ $((nr % 3)) -eq 2 ]; then
		equals "stop $k: the restorer has put it back" "$hs_left" 1024
	elif [ $((nr % 3)) -eq 1 ]; then
		homeostat restore >/dev/null
		check "stop $k: restore: the old value" rx_is 1024
	else
		started
		check "stop $k: the next start: the old value" rx_is 1024
		kill -TERM "$guard"
		within 20 nobody
	fi
	says "stop $k: nothing is left to put back" 'nothing to put back' homeostat restore
	hs_pid=
done
say "# $nr deaths, of which $made left the new value for others to put back"
at_least 'some after it was made' "$made" 3
finish
