#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: policy kernel=scx cpus=1
# limit: 200
#
# docs/write-a-reflex.md, followed to the letter: its blocks for root, with the object that those for the host have made
# (selftests/lab/test_guide.py).

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

guide=/lab/guide/write-a-reflex.md

# the N-th block of that kind behind the text "```sh guest", or what stands there that it says
block() {
	awk -v n="$1" -v kind="$2" '
		/^```sh guest$/ { nr++; in_sh = nr == n; next }
		/^```text$/ { in_text = nr == n && ended == NR - 1; next }
		/^```$/ { if (in_sh) ended = NR; in_sh = in_text = 0; next }
		in_sh && kind == "sh" || in_text && kind == "text"' "$guide"
}

# says_all FILE: what the guide has, line by line; there a … is whatever is here
says_all() {
	exec 3<"$1"
	while IFS= read -r _want; do
		IFS= read -r _line <&3 || _line='nothing more'
		# shellcheck disable=SC2254  # a pattern it is meant to be
		case $_line in
		$(echo "$_want" | sed 's/…/*/g')) ;;
		*) echo "'$_line' is not '$_want'"; return 1 ;;
		esac
	done
}

hs_act balanced || cannot 'homeostatd arms' "$(tail -n 1 "$hs_log")"
sleep 5 # a canary is compared with what was before it
cp /lab/guide/prompt.bpf.o "$tmp" || cannot 'the object of the guide' 'it is not there'
cd "$tmp" || exit 1

n=0
while n=$((n + 1)) && block "$n" sh >"block.$n" && [ -s "block.$n" ]; do
	rc=0
	/bin/sh -e "block.$n" >"said.$n" 2>&1 || rc=$?
	equals "block $n: runs" $rc 0
	[ $rc = 0 ] || cat "said.$n"
	block "$n" text >"text.$n"
	[ ! -s "text.$n" ] || check "block $n: says what stands there" says_all "said.$n" <"text.$n"
	case $n in
	2)
		check 'it is in shadow' grep -Eq '^as +shadow' "said.$n"
		check 'an event tells what it wishes' grep -Eq 'advice .*preempt' "said.$n"
		;;
	3) check 'it has moved the knob' grep -Eq 'policy prompt moved it' "said.$n" ;;
	esac
done
equals 'all blocks of the guide' $((n - 1)) "$(grep -c '^```sh guest$' "$guide")"
at_least 'there are some' $((n - 1)) 3
equals 'the last one takes it out' "$(homeostat --json policy show | leaf 'endings[prompt].end')" unloaded
cat said.*
finish
