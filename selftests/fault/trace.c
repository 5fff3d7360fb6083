// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What the kernel's own tracepoints say, in CLOCK_MONOTONIC and to 1 us: when sched_ext took the
 * decisions away from our scheduler (bypass: all its tasks run by the kernel's rules), when it had
 * disabled it (the bypass ends, right after the state has become `disabled`), and when the OOM killer
 * chose its victim. They cost nothing until they happen, and nobody has to look meanwhile.
 */
#include "faulter.h"

#define TRACING "/sys/kernel/tracing/"
#define SCX_EVENT TRACING "events/sched_ext/sched_ext_event/"

static int fd = -1;

void trace_open(void)
{
	if (!file_write(TRACING "trace_clock", "mono") ||
	    !file_write(
		    SCX_EVENT "filter",
		    "name == \"SCX_EV_BYPASS_ACTIVATE\" || name == \"SCX_EV_BYPASS_DURATION\"") ||
	    !file_write(SCX_EVENT "enable", "1") ||
	    !file_write(TRACING "events/oom/mark_victim/enable", "1"))
		err(1, "tracepoints");
	fd = open(TRACING "trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		err(1, TRACING "trace_pipe");
}

/* The time in a line "  comm-pid [cpu] flags seconds.micros: event: …", ns; 0 = no such line. */
static uint64_t line_time(const char *line, const char *event)
{
	const char *p = event;
	unsigned long long s, us;

	while (p > line && p[-1] != ' ')
		p--;
	return sscanf(p, "%llu.%llu", &s, &us) == 2 ? s * NS_PER_S + us * NS_PER_US : 0;
}

static void note(uint64_t *first, const char *line, const char *what, uint64_t since)
{
	const char *event = strstr(line, what);
	uint64_t at = event && !*first ? line_time(line, event) : 0;

	/* whole microseconds, cut */
	if (at && at + NS_PER_US > since)
		*first = at > since ? at : since;
}

void trace_take(struct traced *t, uint64_t since)
{
	static char buf[65536];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf) - 1)) > 0) {
		char *save, *line;

		buf[n] = '\0';
		for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			if (strstr(line, "BYPASS_ACTIVATE"))
				note(&t->bypass_ns, line, ": sched_ext_event:", since);
			else if (strstr(line, "BYPASS_DURATION"))
				note(&t->disabled_ns, line, ": sched_ext_event:", since);
			else
				note(&t->victim_ns, line, ": mark_victim:", since);
		}
	}
}
