# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# shellcheck shell=dash
#
# For tests of the real daemon under its guard. The value that is changed is put into the undo table as
# the daemon would, by /lab/bin/undoenter, while the daemon lives. Each start costs some seconds of real
# time, and minutes on a busy machine (the verifier), so the tests are spread over boots.

# shellcheck disable=SC2317  # functions that are called through check
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

sleep 5
run=/run/homeostat
value=/proc/sys/vm/swappiness
stock=$(cat "$value")
ms() { awk -v a="$1" 'BEGIN { if (a != "") printf "%.3f", a / 1000000 }'; }

# guard and daemon, armed: $guard, $hs_pid (the daemon), $restorer
# with all its trips forgotten, or the stall-loop breaker would hold the third one at stock
guarded() {
	rm -f "$run/breaker"
	homeostat-guard -- /usr/bin/homeostatd --profile "$profiles/balanced.yaml" --mode act >>"$hs_log" 2>&1 &
	guard=$!
	within 20 hs_armed || cannot 'the daemon arms under its guard' "$(tail -n 1 "$hs_log")"
	hs_pid=$(child "$guard" homeostatd)
	restorer=$(child "$guard" homeostat-guard)
}
# advised PROFILE: the same, but advising only
advised() {
	homeostat-guard -- /usr/bin/homeostatd --profile "$1" --mode advise >>"$hs_log" 2>&1 &
	guard=$!
	within 20 status_is_there || cannot 'the daemon starts under its guard' "$(tail -n 1 "$hs_log")"
	hs_pid=$(child "$guard" homeostatd)
	restorer=$(child "$guard" homeostat-guard)
}
status_is_there() { status >/dev/null 2>&1; }
change() { undoenter "$run" "$value" 7; }
put_back() { [ "$(cat "$value")" = "$stock" ]; }
all_gone() { gone "$guard" && gone "$hs_pid" && gone "$restorer" && scx_is disabled; }

# ended NAME CODE: all of it is gone, nothing is left
ended() {
	check "$1: nobody is left" within 20 all_gone
	_code=0
	wait "$guard" || _code=$?
	equals "$1: exit code" "$_code" "$2"
	check "$1: the value is put back" within 10 put_back
	says "$1: nothing is left to put back" 'nothing to put back' homeostat restore
	hs_pid=
}
