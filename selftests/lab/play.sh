#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
#
# One arm of one scenario, in the guest: play.sh ARM ARGUMENT SECONDS PROFILE NETWORK DISK LOADS. Started by scripts/lab.
#
# ARM and ARGUMENT are as `scripts/lab --help` has them; PROFILE is the text of a profile ('' = by name, in
# ARGUMENT; the arms `user` and `policy` have both). NETWORK is yes or no: a namespace `far` at the other end of a veth pair. DISK as well: a
# file system with a device, at /mnt. LOADS has one line for each load: START|FAVOURED|NAME|COMMAND. All is written down while it runs and told at its end, so that
# telling disturbs nothing. What is told:
#
#	load NAME EXIT-CODE      as many as there are loads, each followed by what there is of
#	json NAME LINE           the line of results of a program of the lab
#	raw NAME SAMPLE          its samples, in the order they were taken
#	out NAME LINE            what another program said
#	look LINE                the recorder's timeline, where homeostat runs
#	verify LINE              what homeostat's programs cost the verifier
#	fact NAME VALUE          kernel, armed, …
#	done

# shellcheck source=selftests/lab/lib.sh
. /lab/lib.sh

arm=$1 argument=$2 seconds=$3 text=$4 network=$5 disk=$6 loads=$7
lead=1 # s between the start of the loads' processes and that of the first phase
run=$tmp/run
mkdir -p "$run"

# what the arm is, from here on
favour=
profile=$argument
if [ "$text" ]; then
	profile=$tmp/profile.yaml
	printf '%s\n' "$text" >"$profile"
fi
case $arm in
eevdf | observe | act | user | policy | scx) ;;
nice) favour='nice -n -20' ;;
slice) favour='slice 100' ;;
fifo) favour='chrt -f 50' ;;
*) die "no arm $arm" ;;
esac
if [ "$network" = yes ]; then
	network_make || die 'no network between two namespaces'
fi
if [ "$disk" = yes ]; then
	disk_make || die 'no file system on a RAM disk'
fi
settle
case $arm in
observe) hs_start "$profile" --mode observe || exit 1 ;;
act) hs_act "$profile" || exit 1 ;;
policy)
	hs_act "$profile" || exit 1
	homeostat policy load --full "/lab/policy/$argument" >&2 || die "$argument is not taken"
	;;
user)
	# homeostat's own reflex goes on with a knob that no load uses: so its vital signs are as fresh as in arm act
	sed '/^rules:/,$s/knob: .*/knob: sched.slice.critical_us/' "$profile" >"$tmp/others.yaml"
	hs_act "$tmp/others.yaml" || exit 1
	case $argument in
	events) when=-e ;;
	*ms) when="-p ${argument%ms}" ;;
	*) when="-p ${argument%s}000" ;;
	esac
	# shellcheck disable=SC2086
	controller -P "$profile" $when >"$tmp/controller.log" 2>&1 &
	other=$!
	;;
scx)
	$argument >"$tmp/scx.log" 2>&1 &
	other=$!
	within 20 scx_is enabled || {
		cat "$tmp/scx.log" >&2
		die "$argument: no sched_ext scheduler came of it"
	}
	;;
esac

# begin START FAVOURED NAME COMMAND: one load, in the background
begin() {
	prefix=
	[ "$2" = no ] || prefix=$favour
	(
		sleep $((lead + $1))
		set -f # words, and nothing else of a shell
		# shellcheck disable=SC2086
		exec $prefix $4
	) >"$run/$3.out" 2>&1 &
	echo "$! $3" >>"$run/pids"
}

recorder -d $((seconds + lead)) -o "$run/looks" &
watching=$!
while IFS='|' read -r start favoured name command; do
	begin "$start" "$favoured" "$name" "$command"
done <<EOL
$loads
EOL

failed=
while read -r pid name; do
	code=0
	wait "$pid" || code=$?
	echo "load $name $code" >>"$run/said"
	[ $code = 0 ] || failed="$failed $name ($code)"
	[ ! -e "$run/$name.json" ] || sed "s/^/json $name /" "$run/$name.json" >>"$run/said"
	[ ! -e "$run/$name.raw" ] || sed "s/^/raw $name /" "$run/$name.raw" >>"$run/said"
	awk -v name="$name" '{ print "out", name, $0 }' "$run/$name.out" >>"$run/said"
done <"$run/pids"
wait "$watching" || die "the recorder failed ($?)"
if [ "$failed" ]; then
	cat "$run"/*.out >&2
	die "these loads failed:$failed"
fi
# figures of an arm that was another one in the end would be a lie
case $arm in
observe) hs_answers || die "homeostatd is gone: $(tail -n 1 "$hs_log")" ;;
act | user | policy)
	hs_armed || die "homeostat did not stay armed: $(tail -n 1 "$hs_log")"
	# it may have tripped meanwhile, and be back
	if grep -q 'gate shut, reason' "$hs_log"; then
		die "homeostat tripped meanwhile: $(grep -m 1 'gate shut, reason' "$hs_log")"
	fi
	;;
scx)
	if ! scx_is enabled || ! alive "$other"; then
		cat "$tmp/scx.log" >&2
		die "$argument did not stay: sched_ext is $(scx_state)"
	fi
	kill "$other"
	;;
esac
if [ "$arm" = policy ] && ! homeostat --json policy show | grep -q '"as":"full"'; then
	die "the policy did not stay: $(homeostat policy show)"
fi
if [ "$arm" = user ]; then
	alive "$other" || die "the controller did not stay: $(cat "$tmp/controller.log")"
	kill "$other"
fi
case $arm in
observe | act | user | policy)
	echo "fact armed $(status_leaf armed)" >>"$run/said"
	hs_stop || die "homeostatd did not end in good order: $(tail -n 1 "$hs_log")"
	insmod "/lib/modules/$(uname -r)/tcp_bbr.ko" || die 'no module tcp_bbr, which the programs of tcp-loss call'
	verify >"$run/verify" || die 'what the programs cost the verifier cannot be found out'
	sed 's/^/verify /' "$run/verify" >>"$run/said"
	;;
esac
{
	echo "fact kernel $(uname -r)"
	cat "$run/said"
	[ ! -e "$run/looks" ] || sed 's/^/look /' "$run/looks"
	warnings | sed 's/^/fact warning /'
	echo 'done'
} >"$results"
exit 0
