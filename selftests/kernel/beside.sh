#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: beside kernel=scx cpus=1
# boot: beside612 kernel=noscx cpus=1 long
# limit: 300
#
# Beside other people's XDP programs, under libxdp's dispatcher: all of them run, in their order, and what we shed is spared those
# behind us. Whatever ends us, ours goes and theirs stay; and what is pinned says so, too.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

network_make || cannot 'two namespaces are connected' 'see the console'
{
	cat "$profiles/balanced.yaml"
	cat <<-'END'
		interfaces:
		  - { name: near, xdp: beside }
		flows:
		  - { name: orders, class: critical, protocol: udp, port: 9000 }
		  - { name: backup, class: bulk, dscp: CS1 }
		steer: { cpus: "0" }
	END
} | sed 's/^knobs:$/&\n  - { name: net.bulk.limit_hz, value: 2000hz }/' >"$tmp/beside.yaml"
bpffs=/sys/fs/bpf

# of NAME KEY: what `homeostat flows` says of an interface or a flow
of() {
	homeostat --json flows | jflat | awk -v name="$1" -v key="$2" '
		$1 ~ /\.name$/ { at = $2 == name ? substr($1, 1, length($1) - 4) key : "" }
		$1 == at { sub(/^[^ ]* /, ""); print }'
}
is() { [ "$(of near xdp)" = "$1" ] || { of near why; return 1; }; }
why() { of near why | grep "$1" || { of near why; return 1; }; }
list() { neighbour list near; }
# order NAME…: all that is in the dispatcher, in this order, and as much is pinned
order() {
	list | awk '{ printf "%s%s", sep, $1; sep = " " } END { print "" }' >"$tmp/order"
	[ "$(cat "$tmp/order")" = "$*" ] || { cat "$tmp/order"; return 1; }
	_pins=$(find "$bpffs/xdp" -name "*-prog" -o -name "*-link" | wc -l)
	[ "$_pins" -eq $((2 * $#)) ] || { find "$bpffs/xdp" | tr "\n" " "; return 1; }
}
# spared: how many packets the neighbour before us has seen more than the one behind us
spared() { list | awk '$1 == 5 { n += $3 } $1 == 20 { n -= $3 } END { print n + 0 }'; }
# counted PRIORITY: what the neighbour of that priority has seen
wholly_gone() { [ ! -e "/proc/$1" ]; }
counted() { list | awk -v p="$1" '$1 == p { print $3 }'; }
armed() { [ "$(status_leaf armed)" = true ] || { status_leaf refusal; return 1; }; }
begin() {
	rm -f "$hs_run/breaker"
	hs_start "$tmp/beside.yaml" && homeostat mode act >/dev/null && within 20 armed
	usher=$(child "$hs_pid" homeostat-usher)
}
# the same under a guard
begin_guarded() {
	rm -f "$hs_run/breaker"
	homeostat-guard -- /usr/bin/homeostatd --profile "$tmp/beside.yaml" >>"$hs_log" 2>&1 &
	guard=$!
	within 20 status && homeostat mode act >/dev/null && within 20 armed
	hs_pid=$(child "$guard" homeostatd)
	usher=$(child "$hs_pid" homeostat-usher)
}
came() { field received <"$tmp/counted"; }

# refused: with its reason, and nothing is done
umount "$bpffs" 2>/dev/null || true # the guest has one, open to all
begin || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"
check 'there is an usher' alive "$usher"
check 'no bpffs: refused' within 10 why 'no bpffs is mounted at /sys/fs/bpf'
equals 'no bpffs: it is off' "$(of near xdp)" off
mount -t bpf -o mode=0777 bpf "$bpffs"
homeostat disarm >/dev/null && homeostat arm >/dev/null
check 'a bpffs that is open to all: refused' within 10 why "not root's alone"
equals 'a bpffs that is open to all: nothing is pinned' "$(ls "$bpffs")" ''
chmod 0700 "$bpffs"
neighbour alone near >"$tmp/alone" &
alone=$!
check 'another program alone' within 10 grep -q attached "$tmp/alone"
homeostat disarm >/dev/null && homeostat arm >/dev/null
check 'another program alone: refused' within 10 why 'another program is attached to it without a dispatcher'
kill -KILL "$alone"
wait "$alone"
ip link set dev near xdp off
homeostat disarm >/dev/null && homeostat arm >/dev/null
check 'joined, as the only one' within 10 is native
check 'joined: it and nobody else' order 10
alone_cost=$(neighbour cost near)
sed 's/, xdp: beside//' "$tmp/beside.yaml" >"$tmp/own.yaml"
check 'alone: another profile' homeostat profile load "$tmp/own.yaml"
no_dispatcher() { list | grep -q '^- xdp_ingress -$'; }
check 'alone: it has left the dispatcher' within 10 no_dispatcher
own_cost=$(neighbour cost near)
check 'beside: the first profile' homeostat profile load "$tmp/beside.yaml"
check 'beside: it is back' within 10 order 10

# others come, before and behind us
check 'a neighbour behind us' neighbour join near 20
check 'both are there' order 10 20
both_cost=$(neighbour cost near)
check 'a neighbour before us' neighbour join near 5
check 'all are there, in order' order 5 10 20
equals 'it cannot be steered, and says why' "$(of near steer_why)" "a program under libxdp's dispatcher cannot hand packets over"
check 'the log says so' grep -q 'near: its packets are not handed to other CPUs: a program under' "$hs_log"

before=$(counted 20) ours=$(of orders packets)
stream_in 9000 0 1000 0
equals 'critical: all of them came' "$(came)" 1000
equals 'critical: counted by us' "$(($(of orders packets) - ours))" 1000
at_least 'critical: counted by the neighbour behind us' "$(($(counted 20) - before))" 1000
limit_is() { [ "$(knob net.bulk.limit_hz)" = "$1" ]; }
first=$(of backup shed)
equals 'nothing was shed' "$first" 0
check 'the limit is in force' within 10 limit_is 2000
before=$(spared)
stream_in 9001 8 4000 8000
shed=$(of backup shed)
at_least 'bulk: is shed' "$shed" 1000
equals 'bulk: what was shed is what is missing' "$((4000 - shed))" "$(came)"
equals 'bulk: what was shed is what the neighbour behind us was spared' "$(($(spared) - before))" "$shed"

# leaving and joining, under traffic
changes() {
	for _way in 'homeostat disarm' 'homeostat trip'; do
		$_way && within 10 order 5 20 && homeostat arm && within 10 order 5 10 20 || return 1
	done
	neighbour leave near 5 && within 10 order 10 20 && within 10 is native && neighbour join near 5 && [ ! -s "$tmp/sent" ]
}
changes >"$tmp/changes" 2>&1 &
changed=$!
stream_in 9000 0 15000 1500
_rc=0
wait "$changed" || _rc=$?
equals 'disarmed, tripped, a neighbour left, under traffic: all of it was done' "$_rc" 0
equals 'disarmed, tripped, a neighbour left, under traffic: none was lost' "$(came)" 15000
equals 'disarmed, tripped, a neighbour left, under traffic: in order' "$(field reordered <"$tmp/counted")" 0

# libxdp's lock is held by somebody: the leave fails, is said, and is done later
neighbour hold near 6 >"$tmp/held" & # longer than what is waited for it, 3 s
lock=$!
check 'the lock is held' within 5 grep -q held "$tmp/held"
homeostat disarm >/dev/null
check 'a lock that is held: not left, and says so' within 10 why "not left, and tried again: another loader keeps libxdp's lock"
equals 'a lock that is held: it is there still' "$(of near xdp)" native
wait "$lock"
check 'a lock that was held: left later' within 10 order 5 20
check 'and that is said' within 10 is off
homeostat arm >/dev/null
check 'armed again' within 10 order 5 10 20

# an usher that is deaf; its interface alone is in doubt
kill -STOP "$usher"
homeostat disarm >/dev/null
check 'a deaf usher: is said' within 20 why 'the usher does not answer'
equals 'a deaf usher: what it said last stands' "$(of near xdp)" native
kill -CONT "$usher"
check 'an usher that hears again: left' within 10 order 5 20

# taken off by somebody else
homeostat arm >/dev/null
check 'armed once more' within 10 is native
check 'everything is unloaded by somebody' neighbour clear near
check 'taken off by somebody else: is said' within 10 why 'somebody else has taken it off'
equals 'taken off by somebody else: it is off' "$(of near xdp)" off
neighbour join near 5 && neighbour join near 20
homeostat disarm >/dev/null && homeostat arm >/dev/null
check 'joined again' within 10 order 5 10 20

# deaths: of the daemon, of the usher, of both
hs_kill
check 'the daemon was killed: ours has left, theirs are there' within 10 order 5 20
check 'the daemon was killed: the usher is gone' within 10 gone "$usher"
begin
check 'a new one joins' within 10 order 5 10 20
kill -KILL "$usher"
check 'the usher was killed: is said' within 10 why 'the usher is dead'
check 'the usher was killed: nothing else is claimed' is unknown
check 'the usher was killed: no zombie' within 5 wholly_gone "$usher"
says 'its daemon lives: restore leaves it alone' 'left alone: its homeostatd runs' homeostat --socket "$tmp/other/socket" restore
check 'its daemon lives: it is there' order 5 10 20
hs_stop
check 'stopped without an usher: it is there' order 5 10 20
before=$(spared)
stream_in 9001 8 2000 8000
equals 'stopped without an usher: all of bulk came' "$(came)" 2000
equals 'stopped without an usher: all of bulk went on' "$(($(spared) - before))" 0
says 'restore takes it off' "near: XDP program [0-9]* in libxdp's dispatcher: taken off" homeostat restore
check 'restored: ours has left, theirs are there' order 5 20
says 'restored: nothing is left' 'nothing to put back' homeostat restore
begin
check 'and joined' within 10 order 5 10 20
kill -STOP "$usher"
hs_kill
says 'killed beside an usher that hangs: restore need not wait for it' "near: XDP program [0-9]* in .*: taken off" homeostat restore
check 'killed beside an usher that hangs: theirs are there' order 5 20
kill -CONT "$usher"
check 'and the usher is gone' within 10 gone "$usher"
begin
check 'and joined once more' within 10 order 5 10 20
kill -KILL "$usher"
hs_kill
check 'both were killed: it is there' order 5 10 20
begin_guarded
cleaned() { [ "$(grep -c 'of another homeostatd: taken off' "$hs_log")" -eq "$1" ]; }
check 'the next start takes it off' within 10 cleaned 1
check 'and joins' within 10 order 5 10 20
kill -KILL "$usher" "$hs_pid"
check 'both were killed: the restorer of the guard takes it off' within 10 cleaned 2
check 'both were killed: theirs are there' order 5 20
check 'the guard is gone' within 20 gone "$guard"
wait "$guard"
hs_pid=
[ ! -e "$scx/state" ] || within 10 scx_is disabled
begin

# stopping, and an interface that goes
check 'joined, to be stopped' within 10 order 5 10 20
hs_stop
equals 'stopped: exit code' $? 0
check 'stopped: ours has left, theirs are there' order 5 20
check 'theirs leave' neighbour leave near 5
check 'all of them' neighbour leave near 20
check 'nobody is left, and nothing is pinned' order
begin
check 'alone again' within 10 order 10
ip link del near
unpinned() { [ -z "$(ls "$bpffs/xdp")" ]; }
check 'the interface is gone: so is what was pinned' within 10 unpinned

echo "beside: instructions a packet, critical: alone $own_cost, in a dispatcher $alone_cost, with a neighbour $both_cost"
at_least 'cost: alone' "$own_cost" 1
at_least 'cost: in a dispatcher' "$alone_cost" 1
at_least 'cost: with a neighbour' "$both_cost" 1
finish
