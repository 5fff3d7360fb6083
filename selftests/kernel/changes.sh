#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: changes kernel=scx cpus=1
# limit: 300
#
# Changes of the machine, on its real parameters and under real loads: made, watched, kept when they help, put back when they do
# not; by whom, and what of a person is needed.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh
# shellcheck source=selftests/kernel/proposals.sh
. /lab/kernel/proposals.sh

somaxconn=/proc/sys/net/core/somaxconn
rmem=/proc/sys/net/core/rmem_default
echo 128 >"$somaxconn"
stock_rmem=$(cat "$rmem")
{
	cat "$profiles/balanced.yaml"
	cat <<-'END'
		changes:
		  risk: 3
		  allow: net.core.somaxconn net.core.rmem_default vm.swappiness
		  advisers: homeostat
		  idle: 5s
	END
} >"$tmp/changes.yaml"

# counted KEY: of the kernel's own counters of TCP and UDP
counted() {
	cat /proc/net/netstat /proc/net/snmp | awk -v k="$1" '
		!names[$1] { names[$1] = $0; next }
		{ n = split(names[$1], name); for (i = 2; i <= n; i++) if ($1 name[i] == k) print $i }'
}
# load OPTION…: bursts each second, until killed
load() {
	backlog -d 100000 "$@" &
	load=$!
}

# looking only: nothing is changed, nor kept for later
hs_start "$tmp/changes.yaml" || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
check 'observe: a proposal is refused' [ "$(propose person net.core.somaxconn 1024 && echo taken)" = '' ]
check 'and why' answered 'mode observe'

# what it costs to look at everything, each second
sense=$(child "$hs_pid" homeostat-sense)
before=$(cpu_ms "$hs_pid" "$sense") before_sense=$(cpu_ms "$sense")
sleep 60 # what is measured is a share of it (virtual time)
cost=$(($(cpu_ms "$hs_pid" "$sense") - before)) cost_sense=$(($(cpu_ms "$sense") - before_sense))
# pages that both have counted twice
memory=$(sed -n 's/^VmRSS:[[:space:]]*//p' "/proc/$sense/status")
memory=$(($(vital daemon.rss_bytes) + ${memory% kB} * 1024))
at_most 'at rest: CPU time of homeostatd and homeostat-sense in 60 s, ms' "$cost" 300
at_most 'their resident memory' "$memory" 10485760
say "# at rest: $cost ms in 60 s, of which homeostat-sense $cost_sense; $memory bytes, of which homeostatd $(vital daemon.rss_bytes)"

# advising: a person has to say yes
homeostat mode advise >/dev/null
propose rules net.core.somaxconn 1024
says 'advise: it waits for a person' "^$id pending .*mode advise" homeostat pending
check 'rejected' homeostat reject "$id" --why 'not today'
says 'and why' "^$id rejected .*not today" homeostat changes
refuses 'what is rejected cannot be approved' 4 homeostat approve "$id"
equals 'nothing was changed' "$(cat "$somaxconn")" 128
propose person net.core.somaxconn 256
check 'approved' homeostat approve "$id"
check 'it is made' within 5 reads "$somaxconn" 256
check 'nobody acts, and it is judged all the same: it stays' within 40 state_is "$id" committed
says 'what is committed is known' "/core/somaxconn +128 +256" homeostat changes
check 'restore --all puts it back, by the daemon' homeostat restore --all
equals 'it is what it was' "$(cat "$somaxconn")" 128

hs_stop
hs_act "$tmp/changes.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"

# the queue of a listening socket is too short: longer, and the overflow stops
load -b 600
sleep 12 # so long it is looked at before (virtual time)
before=$(in_5_s counted TcpExt:ListenOverflows)
at_least 'somaxconn 128: connections that found the queue full, in 5 s' "$before" 1000
propose rules net.core.somaxconn 1024
check 'it is made at once' within 5 reads "$somaxconn" 1024
check 'it helps, and stays' within 40 state_is "$id" committed
says 'by the vital sign that it was to move' 'net.listen_full_hz went from' why "$id"
after=$(in_5_s counted TcpExt:ListenOverflows)
equals 'somaxconn 1024: connections that found the queue full, in 5 s' "$after" 0
helped net.core.somaxconn "$id" connections 'find the queue of a listening socket full, in 5 s' "$before" "$after"
# a wrong rule: too short again, under the same load
before=$(counted TcpExt:ListenOverflows)
propose rules net.core.somaxconn 128
check 'a wrong one is made' within 5 reads "$somaxconn" 128
check 'makes it worse, and goes back' within 40 state_is "$id" rolled_back
says 'and why' 'net.listen_full_hz went from' why "$id"
equals 'it is what was committed' "$(cat "$somaxconn")" 1024
harmed net.core.somaxconn "$id" connections 'find the queue of a listening socket full' "$after" \
	$(($(counted TcpExt:ListenOverflows) - before))
kill "$load"
wait "$load"
# the need is gone: back down
sleep 12 # as above
propose rules net.core.somaxconn 128
check 'no load any more: down again, and it stays' within 40 state_is "$id" committed
equals 'as it was at first' "$(cat "$somaxconn")" 128

# receive buffers of UDP
load -u 600
sleep 12 # as above
before=$(in_5_s counted Udp:RcvbufErrors)
at_least 'rmem_default as it is: datagrams that found no room, in 5 s' "$before" 500
propose rules net.core.rmem_default 4194304
check 'it helps, and stays' within 40 state_is "$id" committed
after=$(in_5_s counted Udp:RcvbufErrors)
equals 'rmem_default 4 MiB: datagrams that found no room, in 5 s' "$after" 0
helped net.core.rmem_default "$id" datagrams 'find the buffer of their socket full, in 5 s' "$before" "$after"
before=$(counted Udp:RcvbufErrors)
propose rules net.core.rmem_default "$stock_rmem"
check 'a wrong one goes back' within 40 state_is "$id" rolled_back
equals 'it is what was committed' "$(cat "$rmem")" 4194304
harmed net.core.rmem_default "$id" datagrams 'find the buffer of their socket full' "$after" $(($(counted Udp:RcvbufErrors) - before))
kill "$load"
wait "$load"

# what does neither harm nor good
load -b 600
sleep 12 # as above
propose rules net.core.rmem_default 8388608
check 'another load: it stays, as nothing is there to cure' within 40 state_is "$id" committed
propose rules net.core.somaxconn 129
check 'not enough: it has not helped, and goes back' within 40 state_is "$id" rolled_back
says 'and why' 'has not helped' why "$id"
kill "$load"
wait "$load"

# somebody else's hand
propose rules vm.swappiness 10
check 'it is made' within 5 reads "/proc/sys/vm/swappiness" 10
echo 33 >/proc/sys/vm/swappiness
check 'somebody else writes it: left to him' within 10 state_is "$id" yielded
equals 'his value stays' "$(cat /proc/sys/vm/swappiness)" 33
check 'a rule may not have it back' [ "$(propose rules vm.swappiness 10 && echo taken)" = '' ]
check 'and why' answered 'written by somebody else'

# what it takes to be let
propose rules vm.dirty_background_ratio 5
says 'not in the list: it waits' "^$id pending .*not in the profile's list" homeostat pending
homeostat reject "$id" >/dev/null
chmod 0666 /run/homeostat/control.sock
# as UID COMMAND…
as() { _uid=$1; shift; setpriv --reuid="$_uid" --regid="$_uid" --clear-groups "$@"; }
as 65534 ask -j '{"verb":"propose","source":"person","proposals":[{"parameter":"net.core.somaxconn","value":"512","reason":"me"}]}' >"$tmp/answer"
id=$(field id <"$tmp/answer")
says 'somebody: it waits' "^$id pending .*names no such adviser" homeostat pending
check 'he may not approve it himself' [ "$(as 65534 ask -j "{\"verb\":\"approve\",\"id\":$id}" | field errno)" = 1 ]
homeostat reject "$id" >/dev/null

# not on a mission; not while tripped
homeostat activity mission
equals 'a mission' "$(homeostat activity)" mission
propose rules net.core.somaxconn 256
sleep 3 # it would have been made by now (virtual time)
says 'on a mission: it waits' 'on a mission' why "$id"
homeostat activity unknown
check 'the mission is over: it is made' within 5 state_is "$id" watched
homeostat trip >/dev/null
check 'tripped while it is watched: put back' within 10 state_is "$id" rolled_back
equals 'it is what it was' "$(cat "$somaxconn")" 128
propose rules net.core.somaxconn 256
sleep 3 # it would have been made by now (virtual time)
says 'tripped: it waits' 'until homeostat acts' why "$id"
homeostat reject "$id" >/dev/null

homeostat arm >/dev/null
propose person net.core.somaxconn 256
check 'armed again: it is made' within 20 state_is "$id" watched
homeostat disarm >/dev/null
check 'disarmed while it is watched: put back' within 10 state_is "$id" rolled_back
equals 'it is what it was' "$(cat "$somaxconn")" 128

# what is committed outlives the daemon, and is known to the next one
homeostat arm >/dev/null
propose person net.core.somaxconn 300
check 'one more stays' within 40 state_is "$id" committed
hs_stop
equals 'stopped: it is still so' "$(cat "$somaxconn")" 300
hs_start "$tmp/changes.yaml"
says 'the next daemon knows' "/core/somaxconn +128 +300" homeostat changes
hs_stop
says 'and without one: restore --since' 'somaxconn: put back' homeostat restore --since 1h
equals 'as it was at first' "$(cat "$somaxconn")" 128
equals 'rmem_default, too' "$(cat "$rmem")" "$stock_rmem"
finish
