#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: effects kernel=scx cpus=1
# limit: 1500
#
# Do the parameters of the knowledge base do what it says? Each is changed by homeostat, as a person would, and what it is for is
# measured before and after; then all of them are put back.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh
# shellcheck source=selftests/lab/path.sh
. /lab/path.sh
# shellcheck source=selftests/effects/lib.sh
. /lab/effects.sh

path_make || cannot 'a path is made' 'see the console'
disk_make || cannot 'there is a disk' 'see the console'
effects_begin

# ---- sockets ----
echo 128 >/proc/sys/net/core/somaxconn
overflows() { backlog -b 600 -d 3 | field lost; }
effect net.core.somaxconn 1024 connections 'are lost, of 1800 that come in bursts' overflows less
no_room() { backlog -u 600 -d 3 | field datagrams_lost; }
effect net.core.rmem_default 4194304 datagrams 'are lost, of 1800 that come in bursts' no_room less
rcvbuf() { holder -t rcvbuf -n 16000000 | field taken; }
effect net.core.rmem_max 16777216 bytes 'of receive buffer are had, of 16000000 asked for' rcvbuf more
sndbuf() { holder -t sndbuf -n 16000000 | field taken; }
effect net.core.wmem_max 16777216 bytes 'of send buffer are had, of 16000000 asked for' sndbuf more

# ---- TCP over a long path ----
ip netns exec far iperf3 -s -p 5201 >/dev/null 2>&1 &
listens() { ip netns exec far grep -q ":$(printf %04X 5201) 0000" /proc/net/tcp6; }
within 10 listens || cannot 'a server' 'none'
kbit() { iperf3 -J -c "$path_far" -p 5201 -t 3 -i 0 "$@" | leaf end.sum_received.bits_per_second | awk '{ printf "%d", $1 / 1000 }'; }
path_is 0 100 100
echo '4096 16384 65536' >/proc/sys/net/ipv4/tcp_wmem
effect net.ipv4.tcp_wmem '4096 16384 4194304' kbit/s 'to a host that is 100 ms away (iperf3)' kbit more
reverse() { kbit -R; }
echo '4096 65536 65536' >/proc/sys/net/ipv4/tcp_rmem
effect net.ipv4.tcp_rmem '4096 131072 6291456' kbit/s 'from a host that is 100 ms away (iperf3)' reverse more
path_is 2 50 100
effect net.ipv4.tcp_congestion_control bbr kbit/s 'to a host that is 50 ms away, 2 % of packets lost (iperf3)' kbit more
path_is 0 20 2
unsent() {
	iperf3 -c "$path_far" -p 5201 -t 3 -i 0 >/dev/null &
	sleep 2 # in the middle of the stream, which is when it is looked at (virtual time)
	ss -Hti 'dport = :5201' | grep -o 'notsent:[0-9]*' | cut -d : -f 2 | sort -n | tail -n 1 | grep . || echo 0
	wait $!
}
effect net.ipv4.tcp_notsent_lowat 16384 bytes 'wait unsent in the kernel (ss)' unsent less

# ---- memory ----
vmstat_of() { awk -v k="$1" '$1 == k { print $2 }' /proc/vmstat; }
more_of() { _key=$1; shift; _was=$(vmstat_of "$_key"); "$@" >/dev/null; echo $(($(vmstat_of "$_key") - _was)); }
echo never >/sys/kernel/mm/transparent_hugepage/enabled
faults() { more_of pgfault holder -t touch -n 64; }
effect vm.thp always 'page faults' 'to touch 64 MiB' faults less
free_huge() { awk '/^HugePages_Free/ { print $2 }' /proc/meminfo; }
effect 'vm.hugepages[2048kB]' 16 'huge pages' 'of 2 MiB are to be had' free_huge more
areas() { holder -t maps -n 100000 | field taken; }
effect vm.max_map_count 131072 'areas of memory' 'are had, of 100000' areas more
huge() { holder -t memory -n 65536 | field taken; }
effect vm.overcommit_memory 2 MiB 'are granted untouched, of 65536' huge less

# ---- files ----
watches() { mkdir -p "$tmp/watched" && holder -t inotify -n 12000 -D "$tmp/watched" | field taken; }
echo 8192 >/proc/sys/fs/inotify/max_user_watches
effect fs.inotify.max_user_watches 16384 directories 'are watched (inotify), of 12000' watches more
requests() { holder -t aio -n 200000 | field taken; }
echo 65536 >/proc/sys/fs/aio-max-nr
effect fs.aio-max-nr 262144 'asynchronous requests' 'are had, of 200000' requests more
# the most that is dirty while a file is written
dirty_kib() {
	dd if=/dev/zero of=/mnt/file bs=1M count=40 2>/dev/null &
	_most=0
	while alive $!; do
		_now=$(awk '/^Dirty:/ { print $2 }' /proc/meminfo)
		[ "$_now" -le "$_most" ] || _most=$_now
	done
	sync
	rm -f /mnt/file
	sync
	echo "$_most"
}
effect 'vm.dirty_ratio vm.dirty_background_ratio' '2 1' KiB 'are dirty at most, of 40960 written' dirty_kib less

# ---- cgroups ----
groups=/sys/fs/cgroup
for g in pen pen/kept pen/eater; do mkdir -p "$groups/$g"; done
for g in '' pen/; do echo '+cpu +memory' >"$groups/${g}cgroup.subtree_control"; done
# in GROUP COMMAND…
in_group() { _g=$1; shift; sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$groups/$_g" "$@"; }
share() {
	in_group pen/eater spin -d 2 >/dev/null &
	_other=$!
	in_group pen/kept spin -d 2 | sed 's/.*"cpu_ns":\([0-9]*\).*/\1/' | awk '{ printf "%d", $1 / 2000000 }'
	wait "$_other"
}
effect 'cgroup.cpu.weight[pen/kept]' 1000 permille 'of a CPU are had beside another group that spins' share more
echo 40M >"$groups/pen/memory.max"
for f in kept eaten; do dd if=/dev/zero of=/mnt/$f bs=1M count=25 2>/dev/null; done
sync
refaults_of() { awk '/^workingset_refault_file/ { print $2 }' "$groups/$1/memory.stat"; }
refaults() {
	echo 3 >/proc/sys/vm/drop_caches
	in_group pen/kept cat /mnt/kept >/dev/null
	_was=$(refaults_of pen/kept)
	for _ in 1 2 3; do
		in_group pen/eater cat /mnt/eaten >/dev/null
		in_group pen/kept cat /mnt/kept >/dev/null
	done
	echo $(($(refaults_of pen/kept) - _was))
}
effect 'cgroup.memory.low[pen/kept]' $((30 << 20)) pages 'are read again by a group whose memory another one takes' refaults less
homeostat restore --all >/dev/null
effect 'cgroup.memory.min[pen/kept]' $((30 << 20)) pages 'are read again by a group whose memory another one takes' refaults less

effects_end 18
finish
