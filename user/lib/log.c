// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	int syslog; /* RFC 5424 severity, for the journal */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", 3},
	[LOG_LEVEL_WARN] = {"warn", 4},
	[LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};

/* The one state of the process that every line needs; written once, before there are threads. */
static enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	threshold = level;
}

enum log_level log_get_level(void)
{
	return threshold;
}

int log_level_find(const char *name)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (!strcmp(levels[i].name, name))
			return (int)i;
	}
	return -EINVAL;
}

/*
 * A reader that has stopped (a full pipe, a stuck journal) must not stop us: what finds no room is
 * lost, and counted. Nothing sensible can be done about any other failure.
 */
static void put(const char *line, size_t len)
{
	static unsigned int lost;
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
	const struct timespec at_once = {0};
	unsigned int before;
	char note[64];
	int n;

	/* not poll(), which goes on as restart_syscall() after SIGCONT: the guard's filter has it not */
	if (!ppoll(&out, 1, &at_once, NULL)) {
		__atomic_add_fetch(&lost, 1, __ATOMIC_RELAXED);
		return;
	}
	before = __atomic_exchange_n(&lost, 0, __ATOMIC_RELAXED);
	n = snprintf(note, sizeof(note), "warn: %u lines of this log were lost\n", before);
	if ((before && write(STDERR_FILENO, note, (size_t)n) < 0) ||
	    write(STDERR_FILENO, line, len) < 0)
		return;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	int len, more;
	va_list ap;

	if (level > threshold)
		return;
	if (getenv("JOURNAL_STREAM"))
		len = snprintf(line, sizeof(line), "<%d>", levels[level].syslog);
	else if (level == LOG_LEVEL_INFO)
		len = snprintf(line, sizeof(line), "%s", "");
	else
		len = snprintf(line, sizeof(line), "%s: ", levels[level].name);

	va_start(ap, fmt);
	more = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	va_end(ap);
	if (more < 0)
		return;
	len += more;
	if (len > (int)sizeof(line) - 2)
		len = (int)sizeof(line) - 2;
	line[len++] = '\n';
	put(line, (size_t)len);
}
