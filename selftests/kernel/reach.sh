#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: smp kernel=scx cpus=2
# limit: 300
#
# What can cut the host off: confirmed, or back by itself, when a link is lost, when nobody confirms it, whoever is dead.

# shellcheck disable=SC2317,SC2154  # functions that are passed by name; variables of guarded.sh
# shellcheck source=selftests/kernel/guarded.sh
. /lab/kernel/guarded.sh

[ -d /sys/module/veth ] || insmod "/lib/modules/$(uname -r)/veth.ko"
ip link add pair type veth peer name other
ip link set pair up && ip link set other up
ip address add 10.78.0.1/24 dev pair && ip route add default via 10.78.0.2 # that of a default route counts
irq=4 # the console's, as this guest has no card
hs_start balanced || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
homeostat mode advise >/dev/null

affinity=/proc/irq/$irq/smp_affinity_list
echo 0 >"$affinity"
stock_cpu=$(cat "$affinity")
state_is() { homeostat changes | grep -q "^$1 $2 "; }
on_cpu() { [ "$(cat "$affinity")" = "$1" ]; }
move() {
	ask -j "{\"verb\":\"propose\",\"source\":\"person\",\"proposals\":[{\"parameter\":\"irq.affinity[$irq]\",\"value\":\"$1\",\"reason\":\"a test\"}]}" >"$tmp/answer"
	id=$(field id <"$tmp/answer")
	homeostat approve "$id" >/dev/null
	within 20 on_cpu "$1" # the host is looked at for 10 s before
}
check 'an interrupt is moved' move 1
check 'no harm: it waits for a confirmation' within 30 state_is "$id" confirm
says 'and pending says so' "^$id confirm" homeostat pending
check 'confirmed' homeostat confirm "$id"
check 'it stays' state_is "$id" committed
homeostat restore --id "$id" >/dev/null
check 'restore --id: it is where it was' on_cpu "$stock_cpu"
check 'once more' move 1
check 'nobody confirms it: it goes back' within 90 on_cpu "$stock_cpu"
says 'and why' "^$id rolled_back .*nobody has confirmed it" homeostat changes
check 'once more' move 1
ip link set other down
check 'a link is lost: it goes back' within 15 on_cpu "$stock_cpu"
says 'and why' "^$id rolled_back .*pair has lost its link" homeostat changes
ip link set other up
ip route replace default via 10.78.0.2
check 'once more' move 1
check 'it waits for a confirmation' within 30 state_is "$id" confirm
hs_kill
check 'homeostatd is killed: it is still so, as there is no guard' on_cpu 1
homeostat restore >/dev/null
check 'until somebody restores it' on_cpu "$stock_cpu"
homeostat-guard -- /usr/bin/homeostatd --profile "$profiles/balanced.yaml" --mode advise >>"$hs_log" 2>&1 &
guard=$!
status_is_there() { status >/dev/null 2>&1; }
check 'under its guard' within 30 status_is_there
hs_pid=$(child "$guard" homeostatd)
check 'once more' move 1
ip link set other down
kill -KILL "$hs_pid"
check 'a link is lost and homeostatd killed: it goes back all the same' within 15 on_cpu "$stock_cpu"
hs_pid=
ip link del pair
finish
