#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: restore kernel=scx cpus=1
# limit: 240
#
# All of homeostat is killed: who puts back what it has changed. And the guard's own supervisor.

# shellcheck disable=SC2317,SC2154  # functions that are called through check; variables of guarded.sh
# shellcheck source=selftests/kernel/guarded.sh
. /lab/kernel/guarded.sh

guarded
check 'all killed: a value is changed' change
kill -KILL "$restorer" "$guard" "$hs_pid"
check 'all killed: nobody is left' within 20 all_gone
equals 'all killed: the value is still changed' "$(cat "$value")" 7
guarded
check 'all killed: the next start puts it back' put_back
says 'all killed: and says so' "undo: $value: put back" cat "$hs_log"
kill -TERM "$guard"
ended 'SIGTERM to the guard' 0

guarded
check 'restore: a value is changed' change
kill -KILL "$restorer" "$guard" "$hs_pid"
check 'restore: nobody is left' within 20 all_gone
says 'restore: puts it back' "$value: put back \($stock\)" homeostat restore
equals 'restore: the value' "$(cat "$value")" "$stock"
hs_pid=

# without systemd
rm -f "$run/breaker"
homeostatd --supervise --profile "$profiles/balanced.yaml" --mode act >>"$hs_log" 2>&1 &
super=$!
within 20 hs_armed
guard=$(child "$super" homeostat-guard)
hs_pid=$(child "$guard" homeostatd)
check 'supervise: a value is changed' change
kill -KILL "$hs_pid"
check 'supervise: the value is put back' within 10 put_back
again() { _g=$(child "$super" homeostat-guard) && [ "$_g" != "$guard" ] && hs_armed; }
check 'supervise: it is there again' within 20 again
kill -TERM "$super"
_code=0
wait "$super" || _code=$?
equals 'supervise: ends when told to' "$_code" 0
check 'supervise: nobody is left' within 10 scx_is disabled
hs_pid=
finish
