# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# shellcheck shell=dash
# shellcheck disable=SC2034  # variables for those who source this
#
# What the scripts of the lab have in common. Sourced: in the guest and, with the LAB_ variables
# set, by `scripts/run --host`. Waits are polls of the state that is waited for, with a limit.

export PATH="${LAB_BIN:-/lab/bin}:/usr/bin:/usr/sbin:/bin:/sbin"
results=${LAB_RESULTS:-/dev/results}
profiles=${LAB_PROFILES:-/etc/homeostat/profiles}
tmp=${LAB_TMP:-/tmp/lab}
scx=/sys/kernel/sched_ext
mkdir -p "$tmp"

say() { echo "$*"; }
die() { echo "lab: $*" >&2; exit 1; }

# within SECONDS COMMAND…: polls until the command succeeds; 1 when it has not, and what it said last. Less often after a while, as
# twenty looks a second are a load, and in an emulated guest most of what waiting takes.
within() {
	_left=$(($1 * 1000)) _waited=0
	shift
	while ! "$@" >"$tmp/within" 2>&1; do
		if [ "$_left" -le "$_waited" ]; then
			cat "$tmp/within"
			return 1
		fi
		if [ $_waited -lt 2000 ]; then
			sleep 0.05
			_waited=$((_waited + 50))
		elif [ $_waited -lt 10000 ]; then
			sleep 0.2
			_waited=$((_waited + 200))
		else
			sleep 1
			_waited=$((_waited + 1000))
		fi
	done
}

# field KEY: of the flat JSON lines on stdin
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,}\"]*\).*/\1/p"; }

# leaf PATH: of the JSON on stdin, as jflat names it; fails when it is not there
leaf() { jflat | awk -v p="$1" '$1 == p { sub(/^[^ ]* /, ""); print; f = 1; exit } END { exit !f }'; }

# record MEMBERS: one line of results of our own
record() { echo "{$1}" >>"$results"; }

scx_state() { cat "$scx/state" 2>/dev/null || echo absent; }
scx_is() { [ "$(scx_state)" = "$1" ]; }

# alive PID…: all are there (a zombie is not)
alive() {
	for _p; do
		grep -q '^State:[[:space:]]*[^ZX]' "/proc/$_p/status" 2>/dev/null || return 1
	done
}
gone() { ! alive "$1"; }

# warnings: what the kernel should not have said
warnings() { dmesg | grep -E 'WARNING:|BUG|Oops|stall|lockup|blocked for more|sched_ext: .*(runtime error|stalled)'; }

#
# homeostatd
#

hs_pid=
hs_log=$tmp/homeostatd.log
hs_run=/run/homeostat

status() { homeostat --json status; }
# status_leaf PATH, e.g. heartbeat.limit_ns
status_leaf() { status 2>/dev/null | leaf "$1"; }
# child PID NAME: of that process, the one of that name
child() {
	for _s in /proc/[0-9]*/status; do
		awk -v p="$1" -v n="$2" '/^Name:/ { f = $2 == n } /^Pid:/ { i = $2 } /^PPid:/ { if (f && $2 == p) print i }' "$_s"
	done 2>/dev/null | head -n 1
}
# cpu_ms PID…: CPU time of all their threads
cpu_ms() {
	for _pid; do
		cat /proc/"$_pid"/task/*/schedstat
	done | awk '{ n += $1 } END { printf "%d", n / 1000000 }'
}
# workload_of COMM: what its task is declared as
workload_of() { homeostat --json workloads | tr -d ' \n' | grep -o "{[^{}]*\"comm\":\"$1\"[^{}]*}" | grep -o '"workload":"[^"]*"' | sort -u; }
# knob NAME [MEMBER]
knob() { homeostat --json knobs | leaf "knobs[$1].${2:-value}"; }
# vital NAME [MEMBER]; fails when it is absent
vital() { homeostat --json vitals | leaf "vitals[$1].${2:-value}"; }
# counter NAME
counter() { status_leaf "counters.$1"; }

hs_answers() { alive "$hs_pid" && status >/dev/null; }
hs_armed() {
	scx_is enabled && [ "$(status_leaf armed)" = true ] && return
	echo "sched_ext is $(scx_state), homeostat armed: $(status_leaf armed); $(status_leaf refusal)"
	return 1
}

# what it says when it does not do as it should
hs_complain() {
	echo "lab: $*" >&2
	homeostat status >&2
	tail -n 20 "$hs_log" >&2
	return 1
}

# hs_start PROFILE OPTION…: PROFILE is a name or a path. Starts the daemon and waits until it answers.
# HS_DAEMON names another one: homeostatd-fault, which has the verb `fault`
hs_start() {
	_profile=$1
	shift
	case $_profile in */*) ;; *) _profile=$profiles/$_profile.yaml ;; esac
	"${HS_DAEMON:-homeostatd}" --profile "$_profile" "$@" >>"$hs_log" 2>&1 &
	hs_pid=$!
	within 20 hs_answers || hs_complain "${HS_DAEMON:-homeostatd} $* does not answer"
}

# hs_act PROFILE OPTION…: starts it, lets it act and waits until its scheduler is on. By hand, as with
# --mode act it would first observe stock for some seconds. Deaths of earlier ones are forgotten first, or
# the stall-loop breaker would have a word in it
hs_act() {
	_profile=$1
	shift
	rm -f "$hs_run/breaker"
	hs_start "$_profile" "$@" || return 1
	homeostat mode act >/dev/null || true # hs_armed tells why not
	within 20 hs_armed || hs_complain "homeostatd does not arm"
}

# hs_stop: asks it to leave and waits until it and its scheduler are gone; its exit code
hs_stop() {
	[ "$hs_pid" ] || return 0
	kill -TERM "$hs_pid" 2>/dev/null
	within 10 gone "$hs_pid" || hs_kill
	wait "$hs_pid" 2>/dev/null
	_rc=$?
	hs_pid=
	[ ! -e "$scx/state" ] || within 10 scx_is disabled || return 1
	return $_rc
}

# hs_kill: for when it is dead, stopped or hung already
hs_kill() {
	kill -KILL "$hs_pid" 2>/dev/null
	kill -CONT "$hs_pid" 2>/dev/null
	wait "$hs_pid" 2>/dev/null
	hs_pid=
	[ ! -e "$scx/state" ] || within 10 scx_is disabled
}

# network_make: a veth pair `near` and `far`, the other end in a namespace of its own,
# 10.77.0.1 here, 10.77.0.2 in the namespace far
network_make() {
	insmod "/lib/modules/$(uname -r)/veth.ko" && ip netns add far &&
		ip link add near type veth peer name far netns far &&
		ip address add 10.77.0.1/24 dev near && ip link set near up &&
		ip -n far address add 10.77.0.2/24 dev far && ip -n far link set far up &&
		ip -n far link set lo up && within 10 ping -c 1 -W 1 10.77.0.2
}

# nics_make RECEIVER OTHER: the same with two network cards (a guest with `nics`). Packets come in here on CPU RECEIVER, and
# all else of both happens on CPU OTHER
nics_make() {
	for _m in failover net_failover virtio_net; do
		insmod "/lib/modules/$(uname -r)/$_m.ko" || return 1
	done
	ip netns add far && ip link set eth0 name near && ip link set eth1 name far netns far &&
		ip address add 10.77.0.1/24 dev near && ip link set near up &&
		ip -n far address add 10.77.0.2/24 dev far && ip -n far link set far up &&
		ip -n far link set lo up || return 1
	sed -n 's/^ *\([0-9]*\):.* \(virtio[01]-.*put.0\)$/\1 \2/p' /proc/interrupts | while read -r _irq _what; do
		case $_what in
		virtio0-input.0) echo "$1" ;;
		*) echo "$2" ;;
		esac >"/proc/irq/$_irq/smp_affinity_list" || return 1
	done
	within 10 ping -c 1 -W 1 10.77.0.2
}

# disk_make: a RAM disk with ext4, at /mnt: unlike tmpfs it has writeback, a journal and I/O to wait for
disk_make() {
	mkdir -p /mnt && insmod "/lib/modules/$(uname -r)/brd.ko" rd_nr=1 rd_size=$((64 << 10)) && within 10 test -b /dev/ram0 &&
		mke2fs /dev/ram0 >/dev/null && mount -t ext4 /dev/ram0 /mnt
}

# declare OUT YAML-LINE…: the balanced profile with workloads in it
declare_profile() {
	_out=$1
	shift
	{
		sed '/^workloads:/,$d' "$profiles/balanced.yaml"
		echo workloads:
		for _line; do printf '  - %s\n' "$_line"; done
	} >"$_out"
}

# tasks: one line "pid command class classified_after_ns changes workload" for each task
tasks() {
	homeostat --json workloads --tasks | jflat | awk '
		/^tasks\[/ {
			i = substr($1, 7, index($1, "]") - 7) + 0
			k = substr($1, index($1, "].") + 2)
			sub(/^[^ ]* /, "")
			gsub(/ /, "_")
			v[i, k] = $0
			if (i >= n) n = i + 1
		}
		END {
			for (i = 0; i < n; i++)
				print v[i, "pid"], v[i, "comm"], v[i, "class"], v[i, "classified_after_ns"] + 0,
					v[i, "changes"] + 0, v[i, "workload"]
		}'
}

# settle: the first arm after boot gave hogs a third less work (leftovers of the boot)
settle() {
	sleep 5
	hog -t 4 -d 2 >/dev/null &
	probe -d 2 >/dev/null
	wait $!
}
