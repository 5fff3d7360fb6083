#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: steer kernel=scx cpus=2
# limit: 100
#
# Steering is asked for on an interface without a device: nothing is handed over, which would lose packets, and it says why.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

network_make || cannot 'two namespaces are connected' 'see the console'
{
	sed -e 's/^helping:.*/helping: { margin: 0% }/' \
		-e 's/^knobs:$/&\n  - { name: net.steer.above_permille, value: 0permille }/' "$profiles/balanced.yaml"
	printf 'interfaces:\n  - { name: near }\nsteer: { cpus: "1" }\n'
} >"$tmp/steer.yaml"
hs_act "$tmp/steer.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"
says 'doctor: the family loads' '^ok +steer: .*cpumap.* loads' homeostat doctor
says 'veth: off, and why' '^steering: off: near has no device' homeostat steer
check 'veth: no queue' sh -c '! cat /proc/[0-9]*/comm | grep -q cpumap/'
datagrams -l -A 10.77.0.1 -P 9000 -n 800 -o "$tmp/counted" &
listener=$!
check 'there is a listener' within 10 grep -q ":$(printf %04X 9000) " /proc/net/udp
ip netns exec far taskset 1 datagrams -A 10.77.0.1 -P 9000 -f 16 -b 10 -n 800 -r 2000 -o "$tmp/sent"
wait "$listener"
equals 'all of them came' "$(field received <"$tmp/counted")" 800
equals 'of all flows' "$(field flows <"$tmp/counted")" 16
equals 'no flow was out of order' "$(field reordered <"$tmp/counted")" 0
finish
