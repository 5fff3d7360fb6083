#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
#
# The guest's side of `scripts/lab growth`: growth.sh pulse, growth.sh verdict, or growth.sh decision ARM TASKS…
# with ARM eevdf or act. One line of JSON for each case.

# shellcheck source=selftests/lab/lib.sh
. /lab/lib.sh

growth_pulse() {
	test_growth "$tmp/pulse" || die "the pulse could not be measured"
	cat "$tmp/pulse" >"$results"
}

growth_verdict() {
	packets --growth >"$tmp/verdict" || die "the verdict could not be measured"
	cat "$tmp/verdict" >"$results"
}

# The profile is balanced, but neither a long queue nor a doubt whether that helps ends it: what a switch
# costs is wanted for as many tasks as there are.
growth_decision() {
	arm=$1
	shift
	sed '/^limits:/,/^$/d; /^helping:/d' "$profiles/balanced.yaml" >"$tmp/crowd.yaml"
	echo 'helping: { margin: 0% }' >>"$tmp/crowd.yaml"
	case $arm in
	eevdf) ;;
	act) hs_act "$tmp/crowd.yaml" || exit 1 ;;
	*) die "no arm '$arm'" ;;
	esac
	for n; do
		crowd -t "$n" -o "$tmp/crowd" || exit 1
		# figures of a host that went back to stock would say nothing
		[ "$arm" = eevdf ] || hs_armed || die "homeostat is no longer armed with $n tasks"
		sed "s/^{/{\"what\":\"decision\",\"arm\":\"$arm\",/" "$tmp/crowd" >"$results"
		rm -f "$tmp/crowd"
	done
	hs_stop || die "homeostat did not leave in good order"
}

settle
what=$1
shift
case $what in
pulse) growth_pulse ;;
verdict) growth_verdict ;;
decision) growth_decision "$@" ;;
*) die "nothing to measure is called '$what'" ;;
esac
echo "done" >"$results"
exit 0
