#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: changes kernel=scx cpus=1
# limit: 200
#
# A cgroup whose memory another one takes has to read its file again and again. It is protected, which helps and stays. Wrong rules take
# the protection away, or give it to the other one: they go back, and the group keeps its memory.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh
# shellcheck source=selftests/kernel/proposals.sh
. /lab/kernel/proposals.sh

pen=/sys/fs/cgroup/pen
disk_make || cannot 'there is a disk' 'see the console'
mkdir -p "$pen/kept" "$pen/eater"
for g in "$pen/.." "$pen"; do echo '+memory' >"$g/cgroup.subtree_control"; done
echo 40M >"$pen/memory.max"
{
	cat "$profiles/balanced.yaml"
	echo 'changes: { risk: 3, allow: cgroup.memory.low }'
} >"$tmp/protect.yaml"
low=$((28 << 20))
is_low() { reads "$pen/$1/memory.low" "$2"; }
refaults() { awk '/^workingset_refault_file/ { print $2 }' "$pen/kept/memory.stat"; }

# one reads the same 24 MiB again and again, the other one what nobody has read yet: a file with holes only, of which there is always more
dd if=/dev/zero of=/mnt/kept bs=1M count=24 2>/dev/null
truncate -s 8G /mnt/eaten || cannot 'there are files' 'see the console'
sync
echo 1 >/proc/sys/vm/drop_caches # or the pages belong to whoever has written them
sh -c 'echo $$ >"$0/cgroup.procs"; while :; do cat /mnt/kept >/dev/null; sleep 0.5; done' "$pen/kept" &
keeper=$!
sh -c 'echo $$ >"$0/cgroup.procs"; n=0; while :; do dd if=/mnt/eaten of=/dev/null bs=1M count=8 skip=$n 2>/dev/null; n=$((n + 8)); sleep 0.2; done' \
	"$pen/eater" &
eater=$!

hs_act "$tmp/protect.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"
sleep 7 # with the next: so long it is looked at before (virtual time)
before=$(in_5_s refaults)
at_least 'pages that the group reads again, in 5 s' "$before" 5000
propose rules 'cgroup.memory.low[pen/kept]' $low
check 'it is protected' within 10 is_low kept $low
check 'it helps, and stays' becomes "$id" committed 12
says 'by the vital sign that it was to move' '^mem.refaults_hz went from' why "$id"
after=$(in_5_s refaults)
at_most 'pages that the group reads again then, in 5 s' "$after" $((before / 20))
helped cgroup.memory.low "$id" pages 'are read again by a group whose memory another one takes, in 5 s' "$before" "$after"

before=$(refaults)
propose rules 'cgroup.memory.low[pen/kept]' 0
check 'a wrong rule: no protection any more' within 10 is_low kept 0
check 'makes it worse, and goes back' becomes "$id" rolled_back 3
says 'and why' '^mem.refaults_hz went from' why "$id"
check 'it is what was committed' is_low kept $low
worse=$(($(refaults) - before))
at_least 'pages that the group has read again meanwhile' "$worse" 5000
harmed cgroup.memory.low "$id" pages 'are read again by a group whose memory another one takes' "$after" "$worse"
sleep 2 # its memory is its own again (virtual time)
at_most 'and then no more, in 5 s' "$(in_5_s refaults)" $((worse / 20))

# both of them move, or none
sleep 6 # nothing of the last one is left in what it is compared with (virtual time)
one="{\"parameter\":\"cgroup.memory.low[pen/eater]\",\"value\":\"$((36 << 20))\",\"reason\":\"a test\"}"
other='{"parameter":"cgroup.memory.low[pen/kept]","value":"0","reason":"a test"}'
check 'a wrong rule has two parameters' propose_all rules "$one,$other"
check 'the other one is protected' within 10 is_low eater $((36 << 20))
check 'and this one is not' is_low kept 0
check 'makes it worse, and goes back' becomes "$id" rolled_back 3
check 'the other one is as it was' is_low eater 0
check 'this one is as it was' is_low kept $low
sleep 2 # as above
at_most 'no pages are read again, in 5 s' "$(in_5_s refaults)" $((worse / 20))

check 'restore --all' homeostat restore --all
check 'as it was at first' is_low kept 0
kill "$keeper" "$eater"
wait "$keeper" "$eater"
finish
