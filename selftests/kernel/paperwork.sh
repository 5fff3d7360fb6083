#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: paperwork kernel=scx cpus=1
# limit: 240
#
# Neither a disk nor a directory keeps homeostat from tripping and arming; and the profile's hook.

# shellcheck disable=SC2317,SC2154  # functions that are passed by name; variables of incidents.sh
# shellcheck source=selftests/kernel/incidents.sh
. /lab/kernel/incidents.sh

# a disk that is full, or turns read-only, is worth a line in the log
mkdir "$tmp/small"
mount -t tmpfs -o size=16k,mode=700 none "$tmp/small"
complained() { grep -q "$1" "$hs_log"; }
failed() { [ "$(status_leaf incidents.failed)" -ge "$1" ]; }
: >"$hs_log"
hs_act "$tmp/hand.yaml" --state "$tmp/small" || cannot 'homeostatd starts with a small disk' "$(tail -n 1 "$hs_log")"
dd if=/dev/zero of="$tmp/small/full" bs=4k 2>/dev/null
before=$(status_leaf incidents.failed)
check 'full disk: trip' homeostat trip
check 'full disk: the log says so' within 10 complained 'no record of this trip .operator. was written: No space left'
check 'full disk: and status' failed $((before + 1))
equals 'full disk: nothing half is left' "$(ls -A "$tmp/small/incidents")" ''
check 'full disk: arm' homeostat arm
check 'full disk: is armed' within 20 hs_armed
rm "$tmp/small/full"
mount -o remount,ro "$tmp/small"
check 'read-only disk: trip' homeostat trip
check 'read-only disk: the log says so' within 10 complained 'no record of this trip .operator. was written: Read-only'
check 'read-only disk: arm' homeostat arm
check 'read-only disk: is armed' within 20 hs_armed
sleep 3
check 'read-only disk: and stays so' hs_armed
hs_stop
: >"$hs_log"
hs_act "$tmp/hand.yaml" --state "$tmp/small" || cannot 'homeostatd starts with a read-only disk' "$(tail -n 1 "$hs_log")"
check 'read-only disk: says so at the start' complained 'state directory .*: Read-only file system. There will be no incident records'
equals 'read-only disk: and in status' "$(status_leaf incidents.recorded)" false
check 'read-only disk: trip' homeostat trip
check 'read-only disk: arm' homeostat arm
check 'read-only disk: is armed' within 20 hs_armed
hs_stop
umount "$tmp/small"

# the profile's hook, which the guard's restorer runs
cat >"$tmp/hook" <<-END
	#!/bin/sh
	echo "\$HOMEOSTAT_REASON" >>$tmp/hooked
END
chmod 755 "$tmp/hook"
sed "s|^trip:.*|trip: { hook: $tmp/hook }|" "$tmp/hand.yaml" >"$tmp/hook.yaml"
rm -f "$hs_run/breaker"
homeostat-guard -- /usr/bin/homeostatd --profile "$tmp/hook.yaml" --mode act --state "$state" >>"$hs_log" 2>&1 &
hs_pid=$!
hooked() { [ "$(cat "$tmp/hooked")" = "$1" ]; }
check 'hook: armed under the guard' within 20 hs_armed
homeostat disarm
homeostat arm
check 'hook: not at a disarming' [ ! -e "$tmp/hooked" ]
check 'hook: trip' homeostat trip
check 'hook: was run, and told why' within 10 hooked operator
check 'hook: arm' homeostat arm
check 'hook: is armed' within 20 hs_armed
rm "$tmp/hooked"
echo S >/proc/sysrq-trigger
check 'hook: of another trip' within 10 hooked sched-exit
rm "$tmp/hooked"
# propose VALUE: by nobody whom the profile lets do so
propose() { ask -j "{\"verb\":\"propose\",\"source\":\"rules\",\"proposals\":[{\"parameter\":\"vm.swappiness\",\"value\":\"$1\",\"reason\":\"r\"}]}"; }
homeostat mode advise >/dev/null
propose 10 >"$tmp/answer"
check 'hook: something waits for a person' within 10 hooked "pending $(field id <"$tmp/answer"): vm.swappiness"
homeostat reject "$(field id <"$tmp/answer")" >/dev/null
propose 11 >"$tmp/answer"
sleep 3 # it would have been called by now (virtual time)
equals 'hook: once a minute is enough' "$(wc -l <"$tmp/hooked")" 1
check 'hook: it ends, and its guard' hs_stop

# directories of others
mkdir -m 0777 "$tmp/open"
: >"$hs_log"
hs_start balanced --state "$tmp/open" || cannot 'homeostatd starts' "$(tail -n 1 "$hs_log")"
check 'state directory of everybody: a warning' complained 'others may write to it .mode 0777.'
hs_stop
refuses 'runtime directory of everybody: does not start' 1 /bin/timeout 10 homeostatd --socket "$tmp/open/control.sock"
says 'runtime directory of everybody: says why' 'others may write to it .mode 0777.; chmod go-w' homeostatd --socket "$tmp/open/control.sock"
mkdir -m 0755 "$tmp/own"
ln -s "$tmp/own" "$tmp/link"
refuses 'runtime directory is a link: does not start' 1 /bin/timeout 10 homeostatd --socket "$tmp/link/control.sock"
finish
