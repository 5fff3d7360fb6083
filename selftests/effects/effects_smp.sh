#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: effects_smp kernel=scx cpus=4 nics
# limit: 1500
#
# As effects.sh, of what takes several CPUs and network cards, by counts.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh
# shellcheck source=selftests/effects/lib.sh
. /lab/effects.sh

taskset -pc 3 $$ >/dev/null
nics_make 0 3 || cannot 'two network cards are connected' 'see the console'
effects_begin

irq=$(sed -n 's/^ *\([0-9]*\):.* virtio0-input.0$/\1/p' /proc/interrupts)
# send: 4000 datagrams to port 9000 here, whose listener is on CPU 2
send() {
	taskset -c 2 datagrams -l -A 10.77.0.1 -P 9000 -n 4000 -o "$tmp/counted" &
	_listener=$!
	within 10 grep -q ":$(printf %04X 9000) " /proc/net/udp
	ip netns exec far datagrams -A 10.77.0.1 -P 9000 -n 4000 -r 20000 "$@" -o "$tmp/sent"
	wait "$_listener"
}
interrupts() { awk -v i="$irq:" -v c="$1" '$1 == i { print $(c + 2) }' /proc/interrupts; }
# more_of N MEASURE ARG…: by how much it grows while 4000 datagrams come, so many at a time
more_of() {
	_at_a_time=$1
	shift
	_was=$("$@")
	send -f 16 -t "$_at_a_time" >/dev/null
	echo $(($("$@") - _was))
}
more() { more_of 1 "$@"; }

squeezed() { more_of 400 softnet 3 0 1 2 3; } # many at a time: of one alone nothing is left over
echo 64 >/proc/sys/net/core/netdev_budget
effect net.core.netdev_budget 600 rounds 'of receiving end with packets left, of 4000' squeezed less
there() { more interrupts 1; }
effect "irq.affinity[$irq]" 1 interrupts 'of a card come to CPU 1, for 4000 packets' there more
spread() { more softnet 1 0 2; }
effect 'net.rps_cpus[near,0]' 5 packets 'are taken in by CPUs 0 and 2, of 4000' spread more
by_flow() { more softnet 10 2; }
echo 0 >/sys/class/net/near/queues/rx-0/rps_cpus
effect 'net.rps_cpus[near,0] net.core.rps_sock_flow_entries net.rps_flow_cnt[near,0]' 'f 4096 4096' \
	calls 'of the CPU of who listens by others that have packets for it, of which come 4000' by_flow more
threads() { cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^napi/near' || true; }
effect 'net.threaded[near]' 1 threads 'of the card' threads more
deferred() { more interrupts 1; }
effect 'net.napi_defer_hard_irqs[near] net.gro_flush_timeout[near]' '10 200000' interrupts 'of a card, for 4000 packets' deferred less
effects_end 6
finish
