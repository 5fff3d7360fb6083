#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: clients kernel=scx cpus=1
# limit: 200
#
# Real programs over veth, declared as flows: redis and sockperf (critical), nginx with wrk (normal), iperf3 both ways (bulk).
# Whatever becomes of homeostat meanwhile, no connection breaks and no request fails; and what the profile says is on the wire.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

modules=/lib/modules/$(uname -r)
network_make || cannot 'two namespaces are connected' 'see the console'
{ insmod "$modules/sch_fq.ko" && tc qdisc replace dev near root fq; } || cannot 'fq at the interface' 'see the console'
pace_kbit=15000
{
	sed '/when: net.congestion_permille/,$d' "$profiles/balanced.yaml" # no rule is to move the limit
	cat <<-'END'
		interfaces:
		  - { name: near }
		  - { name: later }
		flows:
		  - { name: redis, class: critical, protocol: tcp, port: 6379, mark: EF }
		  - { name: quotes, class: critical, protocol: udp, port: 9000, mark: CS5 }
		  - { name: orders, class: critical, protocol: tcp, port: 9001 }
		  - { name: web, class: normal, protocol: tcp, port: 8080 }
		  - { name: backup, class: bulk, protocol: tcp, dscp: CS1 }
		  - { name: feed, class: bulk, protocol: udp, peer_port: 5202 }
	END
} | sed "s/^knobs:\$/&\\n  - { name: net.bulk.limit_hz, value: 2000hz }\\n  - { name: net.bulk.pace_kbit, value: ${pace_kbit}kbit }/" >"$tmp/net.yaml"
sed 's/class: critical/class: normal/; s/, mark: [A-Z0-9]*//' "$tmp/net.yaml" >"$tmp/other.yaml"
sed '/^  - { name: near }/d' "$tmp/net.yaml" >"$tmp/none.yaml"

# of NAME KEY: what `homeostat flows` says of an interface or a flow
of() {
	homeostat --json flows | jflat | awk -v name="$1" -v key="$2" '
		$1 ~ /\.name$/ { at = $2 == name ? substr($1, 1, length($1) - 4) key : "" }
		$1 == at { sub(/^[^ ]* /, ""); print }'
}
egress_is() { [ "$(of near egress)" = "$1" ]; }
knob_is() { [ "$(knob "$1")" = "$2" ]; }
has_xdp() { ip link show near | grep -q xdp; }
no_xdp() { ! has_xdp; }
far() { ip netns exec far "$@"; }
listens() { grep -q ":$(printf %04X "$1") .* 0A " /proc/net/tcp /proc/net/tcp6; }
listens_udp() { grep -q ":$(printf %04X "$1") " /proc/net/udp; }
far_listens() { far grep -q ":$(printf %04X "$1") .* 0A " /proc/net/tcp /proc/net/tcp6; }
# moved NAME KEY BY: since $tmp/before.NAME.KEY was written by `mark`
mark() { of "$1" "$2" >"$tmp/before.$1.$2"; }
moved() { [ "$(($(of "$1" "$2") - $(cat "$tmp/before.$1.$2")))" -ge "$3" ]; }

#
# The servers
#

mkdir -p "$tmp/web" /var/lib/nginx
chmod 755 "$tmp" "$tmp/web"
head -c 1024 /dev/zero | tr '\0' x >"$tmp/web/index.html"
# 500 requests a second: others wait (limit_req), so that the guest has time for more than these
cat >"$tmp/nginx.conf" <<END
user nobody nogroup;
pid $tmp/nginx.pid;
daemon off;
error_log stderr;
events { worker_connections 64; }
http {
	access_log off;
	limit_req_zone \$server_port zone=all:64k rate=500r/s;
	server { listen 8080; root $tmp/web; limit_req zone=all burst=100; }
}
END
nginx -c "$tmp/nginx.conf" >"$tmp/nginx.log" 2>&1 &
redis-server --port 6379 --save '' --protected-mode no >"$tmp/redis.log" 2>&1 &
sockperf server -i 10.77.0.1 -p 9000 >"$tmp/sockperf.9000" 2>&1 &
sockperf server --tcp -i 10.77.0.1 -p 9001 >"$tmp/sockperf.9001" 2>&1 &
far iperf3 -s >"$tmp/iperf.5201" 2>&1 &
far iperf3 -s -p 5202 >"$tmp/iperf.5202" 2>&1 &
check 'nginx listens' within 10 listens 8080
check 'redis listens' within 10 listens 6379
check 'sockperf listens' within 10 listens_udp 9000
check 'sockperf listens, TCP' within 10 listens 9001
check 'iperf3 listens' within 10 far_listens 5201
check 'iperf3 listens, UDP' within 10 far_listens 5202

#
# The clients
#

# redis-benchmark has neither a rate nor an end by time: rounds of it until $tmp/enough is there
redis_rounds() {
	while [ ! -e "$tmp/enough" ]; do
		far redis-benchmark -h 10.77.0.1 -c 4 -n 200 -t set,get --csv >"$tmp/redis.round" 2>&1 || echo failed >>"$tmp/redis.failed"
		[ "$(grep -cE '^"(SET|GET)","[0-9]' "$tmp/redis.round")" = 2 ] || cat "$tmp/redis.round" >>"$tmp/redis.failed"
		grep -i error "$tmp/redis.round" >>"$tmp/redis.failed"
		echo round >>"$tmp/redis.rounds"
		sleep 0.1 # its rate: other rounds are to follow, not the next one at once
	done
}
seconds=16
clients() {
	rm -f "$tmp/enough" "$tmp/redis.rounds" "$tmp/redis.failed"
	far wrk -t 1 -c 4 -d $seconds http://10.77.0.1:8080/ >"$tmp/wrk" 2>&1 &
	wrk=$!
	far sockperf under-load -i 10.77.0.1 -p 9000 --mps 300 --reply-every 1 -t $seconds >"$tmp/udp" 2>&1 &
	udp=$!
	far sockperf ping-pong --tcp -i 10.77.0.1 -p 9001 --mps 300 -t $seconds >"$tmp/tcp" 2>&1 &
	tcp=$!
	iperf3 -c 10.77.0.2 -S 32 -t $seconds -b 40M --json >"$tmp/backup" 2>&1 &
	backup=$!
	iperf3 -c 10.77.0.2 -p 5202 -u -R -t $seconds -b 32M -l 1000 --json >"$tmp/feed" 2>&1 &
	feed=$!
	(redis_rounds) &
	rounds=$!
}
# of what sockperf and iperf3 have said
lost() { sed -n 's/.*# dropped messages = \([0-9]*\); # duplicated messages = \([0-9]*\); # out-of-order messages = \([0-9]*\).*/\1 \2 \3/p' "$tmp/$1"; }
exchanged() { sed -n 's/.*Valid Duration.*ReceivedMessages=\([0-9]*\).*/\1/p' "$tmp/$1"; }
iperf_bytes() { jflat <"$tmp/$1" | awk '$1 == "end.sum_received.bytes" || $1 == "end.sum.bytes" { n = $2 } END { print n + 0 }'; }
# AttemptFails and EstabResets
resets() { awk '/^Tcp: [0-9]/ { print $8 + $9 }' "${1:-/proc/net/snmp}"; }

changes() {
	homeostat profile load "$tmp/other.yaml" && homeostat profile load "$tmp/net.yaml" &&
		homeostat profile load "$tmp/none.yaml" && within 10 no_xdp &&
		homeostat profile load "$tmp/net.yaml" && within 10 has_xdp && within 10 egress_is paced &&
		homeostat trip && within 10 no_xdp && homeostat arm && within 10 has_xdp &&
		homeostat disarm && within 10 no_xdp && homeostat arm && within 10 has_xdp && within 10 egress_is paced
}

# wire_of NAME OPTION…: what reaches the far end; in $tmp/wire.NAME when it is there
wire_of() {
	_name=$1
	shift
	rm -f "$tmp/wire.$_name"
	far /bin/timeout 20 wire -i far -o "$tmp/wire.$_name" "$@"
}
on_wire() { field "$2" <"$tmp/wire.$1"; }

begun=$(cut -d ' ' -f 1 /proc/uptime)
clients
check 'stock: all of them are at it' alive "$wrk" "$udp" "$tcp" "$backup" "$feed" "$rounds"
wire_of stock -p 6 -S 6379 -q 46 -n 100
equals 'stock: nothing is marked' "$(on_wire stock marked)" 0
hs_act "$tmp/net.yaml" || cannot 'homeostat arms under traffic' "$(tail -n 1 "$hs_log")"
check 'the pace is in force' within 10 knob_is net.bulk.pace_kbit $pace_kbit
check 'the limit is in force' within 10 knob_is net.bulk.limit_hz 2000

# classes
check 'backup is paced' within 10 egress_is paced
for i in 'redis packets' 'redis sent' 'redis marked' 'redis prioritised' 'quotes packets' 'quotes marked' 'orders packets' \
	'orders prioritised' 'web packets' 'web sent' 'backup sent' 'backup paced' 'backup delayed' 'feed packets' 'feed shed'; do
	# shellcheck disable=SC2086  # a name and a key
	mark $i
done
# on the wire
wire_of redis -p 6 -S 6379 -q 46 -n 200
wire_of quotes -S 9000 -q 40 -n 200
wire_of orders -p 6 -S 9001 -q 0 -n 200
wire_of web -p 6 -S 8080 -q 0 -n 200
wire_of backup -p 6 -P 5201 -n 90
for i in redis quotes; do
	equals "on the wire: $i is marked" "$(on_wire $i marked)" "$(on_wire $i packets)"
	equals "on the wire: $i has the right checksum" "$(on_wire $i wrong)" 0
done
for i in orders web; do
	equals "on the wire: $i is as it was" "$(on_wire $i marked)" "$(on_wire $i packets)"
done
# in no tenth of a second more than the pace, a packet of 64 KiB that TCP has left to be segmented, and what has its begin in another one
most=$((pace_kbit * 1000 / 8 / 10 + 2 * 65600))
at_most 'on the wire: bulk in its fullest 100 ms, bytes' "$(on_wire backup most)" "$most"
rate=$(awk -v n="$(on_wire backup bytes)" -v ns="$(on_wire backup span_ns)" 'BEGIN { print int(n * 8e6 / ns) }')
at_most 'on the wire: bulk, kbit/s' "$rate" $((pace_kbit * 105 / 100))
at_least 'on the wire: bulk, kbit/s' "$rate" $((pace_kbit * 80 / 100))
for i in 'redis packets 200' 'redis sent 200' 'redis marked 200' 'redis prioritised 200' 'quotes packets 100' 'quotes marked 100' \
	'orders packets 100' 'orders prioritised 100' 'web packets 100' 'web sent 100' 'backup sent 50' 'backup paced 50' \
	'backup delayed 20' 'feed packets 1000' 'feed shed 500'; do
	# shellcheck disable=SC2086  # a name, a key and a number
	check "counted: $i" within 10 moved $i
done
for i in redis quotes orders web backup; do equals "shed: none of $i" "$(of $i shed)" 0; done
equals 'web has no priority' "$(of web prioritised)" 0
equals 'backup: none was dropped' "$(of backup dropped)" 0

check 'under traffic: reloaded, taken off, tripped, armed, disarmed' changes
hs_stop
check 'stopped: the program is gone' within 10 no_xdp
hs_act "$tmp/net.yaml" || not_ok 'homeostat arms again' "$(tail -n 1 "$hs_log")"
check 'armed again: the program is there' within 10 has_xdp
check 'armed again: bulk is paced' within 10 egress_is paced
hs_kill
check 'killed: the program is gone' within 10 no_xdp
equals 'no connection failed or was reset, here and there' "$(resets) $(far cat /proc/net/snmp | resets -)" '0 0'
say "# all of that took $(awk -v begin="$begun" '{ print $1 - begin }' /proc/uptime) of $seconds s"
check 'all of that was under traffic' alive "$wrk" "$udp" "$tcp" "$backup" "$feed" "$rounds"

touch "$tmp/enough"
wait "$wrk"
equals 'wrk: ended well' "$?" 0
wait "$udp"
equals 'sockperf, UDP: ended well' "$?" 0
wait "$tcp"
equals 'sockperf, TCP: ended well' "$?" 0
wait "$backup"
equals 'iperf3, TCP: ended well' "$?" 0
wait "$feed"
equals 'iperf3, UDP: ended well' "$?" 0
wait "$rounds"
for i in wrk udp tcp redis.round; do
	echo "== $i"
	cat "$tmp/$i"
done
at_least 'wrk: requests' "$(awk '/requests in/ { print $1 }' "$tmp/wrk")" 3000
check 'wrk: no error of a socket, no other answer than 200' sh -c "! grep -E 'Socket errors|Non-2xx' '$tmp/wrk'"
equals 'nginx: nothing to complain of' "$(grep -vE 'delaying request' "$tmp/nginx.log")" ''
at_least 'redis-benchmark: rounds' "$(grep -c . "$tmp/redis.rounds")" 10
equals 'redis-benchmark: all of them complete' "$(cat "$tmp/redis.failed" 2>/dev/null)" ''
for i in udp tcp; do
	at_least "sockperf, $i: messages" "$(exchanged $i)" 2000
	equals "sockperf, $i: dropped, duplicated, out of order" "$(lost $i)" '0 0 0'
done
at_least 'iperf3, TCP: bytes' "$(iperf_bytes backup)" 10000000
at_least 'iperf3, UDP: bytes' "$(iperf_bytes feed)" 1000000
finish
