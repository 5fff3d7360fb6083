#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: noscx kernel=noscx cpus=1
# boot: daemon kernel=scx cpus=1
# limit: 450
#
# The tests written in C that load the kernel object themselves (selftests/kernel/test_*.c).

# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

# Minutes of a machine that is emulated, for what is a matter of our own code: one kernel each is enough
if [ -d /sys/kernel/sched_ext ]; then elsewhere=' test_sampling '; else elsewhere=' test_growth test_decisions '; fi

for t in /lab/ktest/*; do
	[ -x "$t" ] || continue
	case ${t##*/} in test_growth | test_sampling) long "${t##*/}" || continue ;; esac
	case $elsewhere in *" ${t##*/} "*)
		skip "${t##*/}" 'runs on the other kernel'
		continue
		;;
	esac
	rc=0
	CMOCKA_MESSAGE_OUTPUT=tap /bin/timeout 120 "$t" >"$tmp/tap" 2>"$tmp/err" || rc=$?
	awk -v f="$file" -v t="${t##*/}" '
		/^1\.\./ { plan += substr($0, 4) }
		/# SKIP/ { n++; sub(/.*# SKIP */, ""); print "skip " f ": " t ": " $0; next }
		/^ok / { n++; sub(/^ok [0-9]+ (- )?/, ""); print "ok " f ": " t ": " $0 }
		/^not ok / { n++; sub(/^not ok [0-9]+ (- )?/, ""); bad = $0; print "not ok " f ": " t ": " $0 }
		END { if (!n || n != plan) print "not ok " f ": " t ": " n + 0 " of " plan + 0 " tests were heard of" }' \
		"$tmp/tap" >"$tmp/lines"
	cat "$tmp/lines"
	cat "$tmp/lines" >"$results"
	grep -q '^not ok' "$tmp/lines" && cat "$tmp/tap" "$tmp/err"
	[ $rc -eq 0 ] || grep -q '^not ok' "$tmp/lines" || not_ok "${t##*/}" "exit code $rc"
done
finish
