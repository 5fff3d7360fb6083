#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: adviser kernel=scx cpus=1
# limit: 1200
#
# The slow loop as a whole: a real load, the kernel's counters, a rule, an unprivileged adviser, the daemon, a real parameter; and
# back when the need is gone; each object of a parameter from its own value, and back to it. Rules that are wrong, and rules that fight
# each other.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

somaxconn=/proc/sys/net/core/somaxconn
swappiness=/proc/sys/vm/swappiness
echo 128 >"$somaxconn"
echo 'homeostat:x:900:900::/:/bin/false' >>/etc/passwd
{
	sed '/^advice:/,/^[a-z]*:/{/^advice:/d;/^ /d;/^$/d}' "$profiles/balanced.yaml"
	cat <<-'END'
		changes:
		  risk: 3
		  allow: net.core.somaxconn net.core.rmem_default vm.swappiness net.tx_queue_len
		  advisers: homeostat
	END
} >"$tmp/base.yaml"
{
	cat "$tmp/base.yaml"
	cat <<-'END'
		advice:
		  - name: listen-overflow
		    when: { vital: net.listen_full_hz, above: 1, for: 3s }
		    propose: { parameter: net.core.somaxconn, times: 8, most: 1024 }
		    back: { below: 1, for: 20s }
		    goal: loss
		    cooldown: 20s
		    reason: the queue of a listening socket is full
	END
} >"$tmp/good.yaml"
{
	cat "$tmp/base.yaml"
	cat <<-'END'
		advice:
		  - name: wrong
		    when: { vital: net.listen_full_hz, below: 1, for: 3s }
		    propose: { parameter: net.core.somaxconn, value: '128' }
		    goal: loss
		    cooldown: 10s
		    reason: a rule that is wrong
	END
} >"$tmp/wrong.yaml"
{
	cat "$tmp/base.yaml"
	cat <<-'END'
		advice:
		  - name: up
		    when: { vital: pulse.period_ns, above: 1ns, for: 1s }
		    propose: { parameter: vm.swappiness, value: '80' }
		    goal: jitter
		    cooldown: 5s
		    reason: one wants it high
		  - name: down
		    when: { vital: pulse.period_ns, above: 1ns, for: 1s }
		    propose: { parameter: vm.swappiness, value: '20' }
		    goal: jitter
		    cooldown: 5s
		    reason: the other one wants it low
	END
} >"$tmp/fight.yaml"

{
	cat "$tmp/base.yaml"
	cat <<-'END'
		advice:
		  - name: shorter
		    when: { vital: net.listen_full_hz, above: 1, for: 15s }
		    propose: { parameter: 'net.tx_queue_len[*]', times: 0.5 }
		    back: { below: 1, for: 10s }
		    goal: jitter
		    cooldown: 20min
		    reason: each interface its own half
	END
} >"$tmp/each.yaml"

# reads FILE VALUE: it holds that
reads() { [ "$(cat "$1")" = "$2" ]; }
overflows() { awk '/^TcpExt:/ { if (!n) { n = split($0, name) } else { for (i = 2; i <= n; i++) if (name[i] == "ListenOverflows") print $i } }' /proc/net/netstat; }
in_5_s() {
	_before=$(overflows)
	sleep 5 # what is counted is a rate (virtual time)
	echo $(($(overflows) - _before))
}
# advise PROFILE: an adviser of nobody's rights
advise() {
	setpriv --reuid=900 --regid=900 --clear-groups homeostat-adviser --profile "$tmp/$1.yaml" >>"$tmp/adviser.log" 2>&1 &
	adviser=$!
}
leave() {
	kill -TERM "$adviser"
	wait "$adviser"
}
# ended STATE: of how many changes
ended() { homeostat changes | grep -cE "^[0-9]+ $1 " || true; }

hs_act "$tmp/good.yaml" || cannot 'homeostat arms' "$(tail -n 1 "$hs_log")"
chmod 0666 /run/homeostat/control.sock

# up when it is needed, and back down when it is not
advise good
backlog -d 100000 -b 600 >/dev/null &
load=$!
before=$(in_5_s)
at_least 'connections that found the queue full, in 5 s' "$before" 500
check 'the rule has it raised' within 40 reads "$somaxconn" 1024
committed() { [ "$(ended committed)" -ge "$1" ]; }
check 'it helps, and stays' within 40 committed 1
equals 'connections that find the queue full, in 5 s' "$(in_5_s)" 0
kill "$load"
wait "$load"
check 'the load is gone: back down' within 90 reads "$somaxconn" 128
check 'and that stays, too' within 40 committed 2
says 'by whom and why' 'by uid 900, rules, risk 2, immediate: listen-overflow: the queue of a listening socket is full' homeostat changes
leave

# a parameter of several objects (after as much of the load as the change is judged by): each from its own value, in one change; and an adviser that comes later takes them back
network_make || cannot 'there are two interfaces' 'see the console'
ip link set near txqueuelen 400
ip link set lo txqueuelen 1000
queues() { [ "$(cat /sys/class/net/near/tx_queue_len /sys/class/net/lo/tx_queue_len | tr '\n' ' ')" = "$1 $2 " ]; }
advise each
backlog -d 100000 -b 600 >/dev/null &
load=$!
check 'each interface has half of its own' within 90 queues 200 500
check 'in one change, which stays' within 60 committed 3
leave
advise each
kill "$load"
wait "$load"
check 'the load is gone, the adviser is another one: each has its own again' within 60 queues 400 1000
check 'in one change, too' within 60 committed 4
equals 'changes in all' "$(homeostat changes | grep -cE '^[0-9]+ ')" 4
leave

# a rule that is wrong: each time it makes things worse it is put back, and it is asked less and less often
echo 1024 >"$somaxconn"
backlog -d 100000 -b 600 >/dev/null &
load=$!
sleep 12 # so long it is looked at before (virtual time)
advise wrong
rolled_back() { [ "$(ended rolled_back)" -ge "$1" ]; }
check 'a wrong rule: put back' within 60 rolled_back 1
equals 'it is as it was' "$(cat "$somaxconn")" 1024
check 'and once more' within 90 rolled_back 2
leave
kill "$load"
wait "$load"
equals 'it is as it was still' "$(cat "$somaxconn")" 1024

# two rules that pull one parameter: frozen, and said so
advise fight
frozen() { grep -q 'frozen' "$tmp/adviser.log"; }
check 'rules that fight: frozen' within 420 frozen
leave
say "# $(grep frozen "$tmp/adviser.log")"
at_most 'after a few turns' "$(homeostat changes | grep -c "$swappiness")" 8
equals 'said once' "$(grep -c frozen "$tmp/adviser.log")" 1
finish
