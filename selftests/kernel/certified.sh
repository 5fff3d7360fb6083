#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
# boot: certified kernel=scx cpus=1
# limit: 300
#
# Certified mode: what differs from the manifest refuses to start, nothing is loaded later, every decision is logged, and the log
# replays.

# shellcheck disable=SC2317  # functions that are passed by name
# shellcheck source=selftests/kernel/tap.sh
. /lab/kernel/tap.sh

state=$tmp/state
mkdir -m 700 "$state"
m=$tmp/manifest
cp "$profiles/balanced.yaml" "$tmp/profile.yaml"
cp /lab/policy/pi.bpf.o "$tmp/pi.bpf.o"
cp /usr/share/homeostat/parameters.yaml "$tmp/parameters.yaml"

certify() { homeostat certify --profile "$tmp/profile.yaml" --kb "$tmp/parameters.yaml" --out "$@"; }
check 'certify' certify "$m" "$tmp/pi.bpf.o"
says 'certify: one line for each' "^policy_0: [0-9a-f]{64} $tmp/pi.bpf.o\$" cat "$m"
refuses 'certify: overwrites nothing' 1 certify "$m"
refuses 'certify: what is no policy' 5 certify "$tmp/other" "$tmp/profile.yaml"
refuses 'certify: what the verifier would not be shown' 5 certify "$tmp/other" /lab/ktest/test_pulse
check 'certify: a refused one leaves nothing' test ! -e "$tmp/other"

# starts [OPTION…]: by the manifest
starts() { homeostatd --manifest "$m" --state "$state" "$@" >"$tmp/start" 2>&1; }
# differs ITEM WHAT: that item is not as it was certified
differs() {
	refuses "$2: refused" 1 starts
	says "$2: says what" "certified mode: $1.*: expected [0-9a-f]{64}, found [0-9a-f]{64}" cat "$tmp/start"
}
echo '# changed' >>"$tmp/profile.yaml"
differs "profile $tmp/profile.yaml" 'a changed profile'
sed 's/slice.batch_us, value: 20ms, min: 1ms/slice.batch_us, value: 20ms, min: 2ms/' "$profiles/balanced.yaml" >"$tmp/profile.yaml"
differs bounds 'changed bounds'
cp "$profiles/balanced.yaml" "$tmp/profile.yaml"
printf '\0' >>"$tmp/pi.bpf.o"
differs "policy_0 $tmp/pi.bpf.o" 'a changed object'
cp /lab/policy/pi.bpf.o "$tmp/pi.bpf.o"
echo '# changed' >>"$tmp/parameters.yaml"
differs "parameters $tmp/parameters.yaml" 'a changed knowledge base'
cp /usr/share/homeostat/parameters.yaml "$tmp/parameters.yaml"
sed -i.whole 's/^program: .*/program: 0.0.1/' "$m"
refuses 'a changed manifest: refused' 1 starts
says 'a changed manifest: says so' 'it was changed after it was made' cat "$tmp/start"
mv "$m.whole" "$m"
rm "$tmp/pi.bpf.o"
refuses 'a missing object: refused' 1 starts
says 'a missing object: says so' "certified mode: $tmp/pi.bpf.o: No such file" cat "$tmp/start"
cp /lab/policy/pi.bpf.o "$tmp/pi.bpf.o"
mkdir -m 777 "$tmp/open"
refuses 'a log that others could write to: refused' 1 starts --state "$tmp/open"
says 'a log that others could write to: says so' 'certified mode: log of decisions: ' cat "$tmp/start"
refuses 'another profile: refused' 1 starts --profile "$profiles/edge.yaml"
says 'another profile: says so' "the manifest $m names $tmp/profile.yaml" cat "$tmp/start"
refuses 'another knowledge base: refused' 1 starts --kb /usr/share/homeostat/parameters.yaml
says 'another knowledge base: says so' "the manifest $m names $tmp/parameters.yaml" cat "$tmp/start"
refuses 'another mode: refused' 1 starts --mode observe
says 'another mode: says so' 'certified mode: --mode observe: what a manifest names acts' cat "$tmp/start"
# open_to FILE WHAT: others may write it
open_to() {
	chmod o+w "$1"
	refuses "$2 that others may write: refused" 1 starts
	says "$2 that others may write: says so" "certified mode: $1: not root's, or others may write it" cat "$tmp/start"
	chmod o-w "$1"
}
open_to "$m" 'a manifest'
open_to "$tmp/profile.yaml" 'a profile'
open_to "$tmp/parameters.yaml" 'a knowledge base'
open_to "$tmp/pi.bpf.o" 'a policy'
mv "$m" "$m.real"
ln -s "$m.real" "$m"
refuses 'a manifest that is a link: refused' 1 starts
mv "$m.real" "$m"
refuses 'a variant: refused' 1 starts --variant "$tmp/pi.bpf.o"
says 'a variant: says so' 'a manifest names our own scheduler' cat "$tmp/start"
equals 'refused: nothing was armed' "$(scx_state)" disabled
check 'refused: nothing is left' test ! -e "$state/decisions"

# as it was certified
hs_start "$tmp/profile.yaml" --manifest "$m" --state "$state" --mode act --kb "$tmp/parameters.yaml" || cannot 'homeostatd starts' "$(tail -n 3 "$hs_log")"
check 'it acts at once' within 20 hs_armed
log=$state/decisions/$(status_leaf certified.log)
equals 'status: the manifest' "$(status_leaf certified.manifest)" "$(sed -n 's/^sha256: //p' "$m")"
acts() { [ "$(status_leaf policy.name) $(status_leaf policy.as)" = 'pi full' ]; }
check 'the policy acts' within 10 acts
size() { wc -c <"$log"; }
grown() { [ "$(size)" -gt "$1" ]; }
check 'the log grows' within 10 grown 10000

for verb in wish unwish profile_load reload propose approve policy_load policy_unload; do
	says "refused: $verb" "certified mode .manifest [0-9a-f]{12}….: $verb is refused" ask -j "{\"verb\":\"$verb\"}"
done
refuses 'refused: a wish' 4 homeostat wish sched.slice.normal_us 3ms
kill -HUP "$hs_pid"
reload_told() { grep -q 'not loaded; certified mode' "$hs_log"; }
check 'SIGHUP: told, not done' within 10 reload_told
equals 'profile: as certified' "$(status_leaf profile)" balanced

# a load that the policy answers, without a look at stock
hog & hog1=$!
hog & hog2=$!
check 'load: much is decided' within 60 grown 200000
kill "$hog1" "$hog2"
checked() { status_leaf "certified.constraints[$1].checked"; }
counted() { [ "$(checked limits)" -gt 5 ] && [ "$(checked bounds)" -gt 5 ] && [ "$(checked log)" -gt 2 ] && [ "$(checked policies)" -gt 2 ]; }
check 'constraints: checked' within 20 counted
for c in limits bounds log policies; do
	equals "constraints: $c hold" "$(status_leaf "certified.constraints[$c].violated")" 0
done
says 'constraints: in status' 'bounds: checked [0-9]+, violated 0' homeostat status
equals 'nothing is lost' "$(status_leaf certified.lost)" 0
equals 'stock was not looked at' "$(status_leaf helping.looks)" 0
refuses 'record: the clerk does' 1 homeostat record --out "$tmp/mine.log"

# the way down is free
check 'disarm' homeostat disarm
check 'disarm: left' within 10 scx_is disabled
check 'arm again' homeostat arm
check 'arm again: armed' within 20 hs_armed
check 'trip' homeostat trip
check 'trip: left' within 10 scx_is disabled
gone_policy() { [ "$(status_leaf 'certified.constraints[policies].violated')" -gt 0 ]; }
check 'constraints: a policy that a trip has ended is told' within 10 gone_policy
check 'mode observe' homeostat mode observe
refuses 'mode act: not up again' 4 homeostat mode act
check 'ends' hs_stop

check 'replay' homeostat replay "$log"
says 'replay: identical' '^identical: [0-9]{3,} decisions' homeostat replay "$log"
check 'replay: with the policy itself' homeostat replay "$log" "$tmp/pi.bpf.o"
says 'replay: with the policy itself: it answered' '^policy pi answered [0-9]{2,} times by itself$' homeostat replay "$log" "$tmp/pi.bpf.o"
check 'replay: by its manifest' homeostat replay "$log" --manifest "$m"
says 'replay: by its manifest: it answered' '^policy pi answered [0-9]{2,} times by itself$' homeostat replay "$log" --manifest "$m"
# flags LOG: the offset of those of its last call: a head of 64 bytes, the last four of which say how many items of 32 follow,
# then a state (type 4) or the end (5)
flags() {
	_words=$(od -An -v -tu4 -w4 "$1" | awk '{ word[NR] = $1 }
		function is_last(i, n) {
			n = word[i + 15]
			return word[i] == 64 + 32 * n && word[i + 1] < 4 && (word[i + 17 + 8 * n] == 4 || word[i + 17 + 8 * n] == 5)
		}
		END { for (i = NR - 15; i && !is_last(i); i--); print NR - i + 1 }')
	echo $(($(wc -c <"$1") - 4 * _words + 6))
}
cp "$log" "$log.torn"
printf '\001' | dd of="$log.torn" bs=1 seek="$(flags "$log")" conv=notrunc 2>/dev/null
check 'replay: one that is torn' homeostat replay "$log.torn"
says 'replay: one that is torn: told' '^1 more were not compared: ' homeostat replay "$log.torn"
refuses 'replay: one that is torn, by its manifest' 5 homeostat replay "$log.torn" --manifest "$m"
says 'replay: one that is torn, by its manifest: told' '^1 more were not compared, and so are not proven: ' homeostat replay "$log.torn" --manifest "$m"
rm "$log.torn"
certify "$tmp/other" >/dev/null
refuses 'replay: not by another one' 5 homeostat replay "$log" --manifest "$tmp/other"

# nobody writes the log: told, and counted
hs_start "$tmp/profile.yaml" --manifest "$m" --state "$state" || cannot 'homeostatd starts again' "$(tail -n 3 "$hs_log")"
check 'again: armed' within 20 hs_armed
kill -KILL "$(child "$hs_pid" homeostat-clerk)"
nobody() { [ "$(status_leaf 'certified.constraints[log].violated')" -gt 0 ]; }
check 'the clerk is killed: violated' within 10 nobody
says 'the clerk is killed: said' 'constraint violated \(log\): nobody writes the log' cat "$hs_log"
hs_stop
finish
