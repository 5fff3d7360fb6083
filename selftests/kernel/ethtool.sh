#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: ethtool kernel=scx cpus=2 nics
# limit: 300
#
# Settings of network cards, by ethtool netlink: rings of a virtio card, coalescing of a tap device. Changed by `homeostat apply`,
# confirmed, or back; refused by table, driver or knowledge base; put back whoever is killed. What is there is read by ethtool, not by us.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/guarded.sh
. /lab/kernel/guarded.sh

for m in failover net_failover virtio_net tun; do
	insmod "/lib/modules/$(uname -r)/$m.ko" || cannot "module $m" 'see the console'
done
ip link set eth0 up && ip link set eth1 up && ip tuntap add dev tap0 mode tap && ip link set tap0 up
cat "$profiles/balanced.yaml" - >"$tmp/cards.yaml" <<'END'
changes:
  maintenance: Mon,Tue,Wed,Thu,Fri,Sat,Sun 00:00-23:59
  observe: 0s
END

rx() { ethtool -g eth0 | awk '/^RX:/ { n = $2 } END { print n }'; } # the maximum comes first
frames() { ethtool -c tap0 | awk '/^rx-frames:/ { print $2 }'; }
rx_is() { [ "$(rx)" = "$1" ]; }
frames_are() { [ "$(frames)" = "$1" ]; }
state_is() { homeostat changes | grep -q "^$1 $2 "; }
why() { homeostat changes | sed -n "s/^$1 [a-z_]* ([^)]*): //p"; }
# apply PARAMETER VALUE: by a person; $id
apply() {
	printf '[{"parameter":"%s","value":"%s","reason":"a test"}]' "$1" "$2" >"$tmp/ask.json"
	homeostat apply "$tmp/ask.json" >"$tmp/answer" 2>&1
	_rc=$?
	id=$(sed -n 's/^id \([0-9]*\):.*/\1/p' "$tmp/answer")
	return "$_rc"
}
# make PARAMETER VALUE: and approved
make() { apply "$@" && homeostat approve "$id" >/dev/null; }
answered() { grep -q -- "$1" "$tmp/answer"; }

equals 'the ring as it comes' "$(rx)" 1024
hs_start "$tmp/cards.yaml" || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
homeostat mode advise >/dev/null
says 'snapshot shows it' 'rx_max: 1024' homeostat snapshot
says 'kb shows it' '^now +1024' homeostat kb show net.rings.rx

# before and after
check 'a ring, asked for' make 'net.rings.rx[eth0]' 512
check 'it is made' within 20 rx_is 512
check 'no harm: it waits for a confirmation' within 30 state_is "$id" confirm
check 'confirmed' homeostat confirm "$id"
check 'it stays' state_is "$id" committed
equals 'ethtool says so' "$(rx)" 512
says 'what is committed is known' 'ethtool:eth0/rings/rx +1024 +512' homeostat changes
says 'diff compares it' 'ethtool:eth0/rings/rx +512 +512' homeostat diff
homeostat restore --id "$id" >/dev/null
equals 'restore --id: as it was' "$(rx)" 1024
check 'once more' make 'net.rings.rx[eth0]' 512
check 'it is made' within 20 rx_is 512
ip link set eth0 down
check 'the link is lost: it goes back, on a card that is down' within 20 rx_is 1024
says 'and why' 'eth0 has lost its link' why "$id"
ip link set eth0 up

# refused: by the driver's maximum, by the knowledge base, by who has none, and by the driver itself
refuses 'more than the driver takes' 4 apply 'net.rings.rx[eth0]' 2048
check 'and why' answered 'its driver takes 1024 at most'
refuses 'more queues than it has' 4 apply 'net.rings.channels[eth0]' 2
check 'and why' answered 'its driver takes 1 at most'
refuses 'an interface without rings' 4 apply 'net.rings.rx[lo]' 512
check 'and why' answered 'there is no ethtool:lo/rings/rx here, or its driver has no such setting'
check 'a size that no virtio queue can have' make 'net.rings.rx[eth0]' 500
check 'the driver fails' within 20 state_is "$id" failed
says 'and why' 'Cannot allocate memory' why "$id"
equals 'it is as it was' "$(rx)" 1024
check 'a time that this one cannot gather for' make 'net.coalesce.rx_usecs[eth0]' 10
check 'the driver refuses' within 20 state_is "$id" failed
says 'and why' 'Operation not supported' why "$id"
check 'packets to gather' make 'net.coalesce.rx_frames[tap0]' 16
check 'it is made' within 20 frames_are 16
homeostat reject "$id" --why enough >/dev/null
equals 'rejected: as it was' "$(frames)" 0
check 'more than the driver does' make 'net.coalesce.rx_frames[tap0]' 100
check 'it does less than it says' within 20 state_is "$id" failed
says 'and that is seen' "the kernel made it '64', not '100'" why "$id"
equals 'as it was' "$(frames)" 0
# somebody else's
check 'once more' make 'net.rings.rx[eth0]' 512
check 'it is made' within 20 rx_is 512
ethtool -G eth0 rx 256
check 'somebody else sets it: his' within 20 state_is "$id" yielded
equals 'and so it stays' "$(rx)" 256
ethtool -G eth0 rx 1024
# the card is gone with its change
check 'once more' make 'net.coalesce.rx_frames[tap0]' 16
check 'it is made' within 20 frames_are 16
ip tuntap del dev tap0 mode tap
homeostat reject "$id" --why 'it is gone' >/dev/null
says 'the card is gone, and what was noted with it' 'ethtool:tap0/coalesce/rx-frames is gone' why "$id"
# A driver that takes its time: its hand is stopped. Nobody waits for it, and what it does late is put back.
queue=/sys/class/net/eth0/queues/rx-0/rps_cpus
stock=$(cat $queue)
hand=$(child "$hs_pid" homeostat-hand)
kill -STOP "$hand"
check 'a queue, asked for' make 'net.rps_cpus[eth0,0]' 2
check 'it is being written' within 30 state_is "$id" prepared
says 'which is said' 'rps_cpus is being written' why "$id"
homeostat reject "$id" >/dev/null
says 'rejected: it waits' 'waits for its driver' why "$id"
sleep 2 # nothing comes of that (virtual time)
check 'the daemon goes on' status
equals 'and has not lost its heart' "$(status_leaf tripped)" null
equals 'nothing was written yet' "$(cat $queue)" "$stock"
kill -CONT "$hand"
check 'the driver returns: it is put back' within 20 state_is "$id" rolled_back
equals 'as it was' "$(cat $queue)" "$stock"
# likewise what is committed, by whom who asks for it once
queue_is() { [ "$(cat "$queue")" = "$1" ]; }
check 'a queue once more' make 'net.rps_cpus[eth0,0]' 2
check 'it stays' within 60 state_is "$id" committed
check 'and is so' queue_is 2
kill -STOP "$hand"
says 'restore: a driver is at work' 'rps_cpus: waits for its driver|the rest is put back when it returns' homeostat restore --id "$id"
refuses 'restore: not twice' 4 homeostat restore --all
kill -CONT "$hand"
check 'restore: put back when it returns' within 20 queue_is "$stock"
nothing_left() { homeostat restore --all | grep -q 'nothing to put back'; }
check 'restore: and nothing is left of it' within 20 nothing_left

hs_stop

# killed, alone, without a guard: `homeostat restore`, and the next start
started() {
	hs_start "$tmp/cards.yaml" || cannot 'homeostatd starts again' "$(tail -n 1 "$hs_log")"
	homeostat mode advise >/dev/null
}
started
check 'a ring once more' make 'net.rings.rx[eth0]' 512
check 'it is made' within 20 rx_is 512
hs_kill
equals 'killed: it is still so' "$(rx)" 512
says 'restore says what it does' 'ethtool:eth0/rings/rx: put back \(1024\)' homeostat restore
equals 'restored' "$(rx)" 1024
started
check 'a ring once more' make 'net.rings.rx[eth0]' 512
check 'it is made' within 20 rx_is 512
hs_kill
equals 'killed: it is still so' "$(rx)" 512
started
equals 'the next start has put it back' "$(rx)" 1024
# and has kept no socket of that (generic netlink, by its number), nor has the hand a stale one
has_netlink() { awk -v p="$1" '$2 == 16 && $3 == p { n = 1 } END { exit !n }' /proc/net/netlink; }
no_netlink() { ! has_netlink "$hs_pid"; }
check 'homeostatd has no such socket' no_netlink
check 'its hand has' has_netlink "$(grep -lx homeostat-hand /proc/[0-9]*/comm | grep -o '[0-9]*')"
check 'and a ring once more' make 'net.rings.rx[eth0]' 512
check 'it is made' within 20 rx_is 512
hs_stop
equals 'homeostatd ends: as it was' "$(rx)" 1024
finish
