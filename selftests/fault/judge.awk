# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
#
# Judges the lines of a fault campaign: -v rows="ROW:TRIALS:BOOTS …" (what was asked for), -v limit_ms=
# (the heartbeat's), -v stall_ms= (who wanted to run and did not for longer has stalled), -v form=table
# (Markdown), json (one line per row) or tap (ok, not ok).
# Exit code 1 when a row missed a limit or is not complete.

function num(line, key,    at) {
	at = index(line, "\"" key "\":")
	if (!at) return -1
	return substr(line, at + length(key) + 3) + 0
}
function text(line, key,    at, rest) {
	at = index(line, "\"" key "\":\"")
	if (!at) return ""
	rest = substr(line, at + length(key) + 4)
	return substr(rest, 1, index(rest, "\"") - 1)
}
function note(row, what, v) {
	if (v < 0) return
	n[row, what]++
	value[row, what, n[row, what]] = v
	if (v > worst[row, what]) worst[row, what] = v
}
function median(row, what,    i, j, v, nr) {
	nr = n[row, what]
	for (i = 1; i <= nr; i++) {
		v = value[row, what, i]
		for (j = i - 1; j > 0 && sorted[j] > v; j--) sorted[j + 1] = sorted[j]
		sorted[j + 1] = v
	}
	return sorted[int((nr + 1) / 2)]
}
function ms(v) { return v >= 1e8 ? sprintf("%.0f", v / 1e6) : v >= 1e6 ? sprintf("%.2f", v / 1e6) : sprintf("%.4f", v / 1e6) }
function both(row, what) {
	return n[row, what] ? ms(median(row, what)) " / " ms(worst[row, what]) : "–"
}
# misses(row, WHAT, LIMIT): some trial did not keep it, or has no such figure
function misses(row, what, limit) {
	if (n[row, what] < trials[row]) why[row] = why[row] (trials[row] - n[row, what]) "x no " what "; "
	if (worst[row, what] > limit * 1e6) why[row] = why[row] what " " ms(worst[row, what]) " ms > " limit " ms; "
}

/"load":"fault"/ {
	row = text($0, "row")
	trials[row]++
	expect[row] = text($0, "expect")
	split("detect safe off disabled restored stall clear", times, " ")
	for (i in times) note(row, times[i], num($0, times[i] "_ns"))
	if (num($0, "detect_ns") >= 0 && num($0, "off_ns") >= num($0, "detect_ns"))
		note(row, "trip_off", num($0, "off_ns") - num($0, "detect_ns"))
	if (num($0, "detect_ns") >= 0 && num($0, "disabled_ns") >= num($0, "detect_ns"))
		note(row, "trip_disabled", num($0, "disabled_ns") - num($0, "detect_ns"))
	if (num($0, "detect_ns") >= 0 && num($0, "safe_ns") >= num($0, "detect_ns"))
		note(row, "trip_safe", num($0, "safe_ns") - num($0, "detect_ns"))
	split("links maps progs struct_ops qdiscs sockets files procs values", kinds, " ")
	for (i in kinds) if (num($0, kinds[i]) > 0) {
		left[row] += num($0, kinds[i])
		if (!index(kind[row], kinds[i])) kind[row] = kind[row] " " kinds[i]
	}
	if (num($0, "stall_ns") > stall_limit_ms(row) * 1e6) stalled[row]++
	if ((row in reasons) && num($0, "detect_ns") >= 0 && !index(reasons[row], " " num($0, "reason") " "))
		strange[row] = strange[row] " " num($0, "reason")
	warnings[row] += num($0, "warnings")
	if (text($0, "warning") != "" && said[row] == "") said[row] = text($0, "warning")
	w = text($0, "wrong")
	if (w != "") { wrong[row]++; if (!index(why[row], w)) why[row] = why[row] w "; " }
}
/"load":"crowd"/ {
	row = text($0, "row")
	ends[row]++
	lost[row] += num($0, "of") - num($0, "alive")
	if (num($0, "least_work") < 1000) lost[row]++
}
/"load":"pauses"/ { pauses += num($0, "pauses") }

# Several virtual CPUs take turns of up to a tick, so that row has another limit (row.sh).
function heartbeat_ms(row) {
	return row == "traffic-steer" ? 20 : limit_ms
}

# A scribbled knob may be anywhere within its bounds, that of the starvation, too: 1 s, an eighth of it until
# the queues are looked at, and the longest slice, 100 ms. Who competes with a fork bomb's 64 tasks, once
# they are over budget, waits for a tick (4 ms) of each: so it is under stock.
function stall_limit_ms(row) {
	return row == "knobs-scribbled" ? 1225 : row == "fork-bomb" ? stall_ms + 64 * 4 : stall_ms
}

# Why the gate may be shut, as numbers of enum hs_trip (kern/abi.h). Who dies is found out by his heart, by the
# kernel that ends his scheduler, or by the guard: whichever comes first.
BEGIN {
	operator = 1; heartbeat = 2; progress = 3; lease = 4; sched_exit = 5; died = 13; guard = 14
	by_death = " " heartbeat " " sched_exit " " died " "
	reasons["sigkill"] = reasons["sigsegv"] = reasons["all-killed"] = by_death
	reasons["traffic-xdp"] = reasons["traffic-tc"] = reasons["traffic-tcp"] = by_death
	reasons["traffic-steer"] = by_death lease " " # the virtual CPU of the heart may have to wait for its turn
	# before the kernel kills somebody for memory, it looks for some on that task's time: so long that its main loop may hang
	reasons["oom"] = by_death progress " "
	reasons["sigstop"] = reasons["rt-hog"] = " " heartbeat " "
	reasons["hang"] = " " progress " "
	reasons["pulse-dead"] = " " lease " "
	reasons["guard-killed"] = " " guard " "
	reasons["trip"] = reasons["disk-full"] = reasons["disk-readonly"] = " " operator " "
}

function judge(row, asked, boots) {
	if (trials[row] < asked) why[row] = why[row] (asked - trials[row]) " trials are missing; "
	if (expect[row] == "stock") misses(row, "safe", heartbeat_ms(row) + 5)
	if (expect[row] == "gate") misses(row, "detect", heartbeat_ms(row) + 5)
	if (expect[row] == "trip") { misses(row, "trip_safe", 0.02); misses(row, "trip_off", 5); misses(row, "trip_disabled", 10) }
	if (ends[row] < boots) why[row] = why[row] (boots - ends[row]) " guests did not come to their end; "
	if (strange[row] != "") why[row] = why[row] "tripped for reason" strange[row] "; "
	if (left[row]) why[row] = why[row] left[row] " leftovers (" substr(kind[row], 2) "); "
	if (stalled[row]) why[row] = why[row] stalled[row] "x a task stalled, " ms(worst[row, "stall"]) " ms; "
	if (lost[row]) why[row] = why[row] lost[row] " tasks lost; "
	if (warnings[row]) why[row] = why[row] warnings[row] " kernel warnings: " said[row] "; "
	if (row == "pause" && pauses < asked) why[row] = why[row] pauses + 0 " pauses only; "
	sub(/; $/, "", why[row])
	return why[row] == ""
}

END {
	if (!stall_ms) exit 2
	nr = split(rows, list, " ")
	if (form == "table") {
		print "| row | trials | T_detect | T_safe | T_off | disabled | T_restored | longest absence | stalled | leftovers | warnings | verdict |"
		print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
	}
	for (r = 1; r <= nr; r++) {
		split(list[r], part, ":")
		row = part[1]
		good = judge(row, part[2], part[3])
		if (!good) bad = 1
		if (form == "tap")
			print (good ? "ok " row : "not ok " row ": " why[row])
		else if (form == "json")
			printf "{\"load\":\"verdict\",\"row\":\"%s\",\"trials\":%d,\"pass\":%s,\"why\":\"%s\",\"leftovers\":%d,\"stalled\":%d,\"lost\":%d,\"warnings\":%d,\"safe_worst_ns\":%.0f,\"off_worst_ns\":%.0f,\"disabled_worst_ns\":%.0f}\n", \
				row, trials[row], good ? "true" : "false", why[row], left[row], stalled[row], lost[row], warnings[row], worst[row, "safe"], worst[row, "off"], worst[row, "disabled"]
		else if (form == "table")
			printf "| %s | %d | %s | %s | %s | %s | %s | %s | %d | %d | %d | %s |\n", row, trials[row], both(row, "detect"), both(row, "safe"), both(row, "off"), both(row, "disabled"), both(row, "restored"), ms(worst[row, "stall"]), stalled[row] + lost[row], left[row], warnings[row], good ? "pass" : "**miss**: " why[row]
	}
	exit bad
}
