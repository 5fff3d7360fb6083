// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What the kernel complains of. */
#include "faulter.h"

static int fd = -1;

void kmsg_open(void)
{
	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || lseek(fd, 0, SEEK_END) < 0)
		err(1, "/dev/kmsg");
}

static bool is_warning(const char *text)
{
	static const char *const bad[] = {
		"WARNING:",	    "BUG",	     "Oops", "stall",	"lockup",
		"blocked for more", "runtime error", "hung", "corrupt", "general protection",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (strstr(text, bad[i]))
			return true;
	}
	return false;
}

unsigned int kmsg_warnings(char *first, size_t size)
{
	char record[1024];
	unsigned int n = 0;
	ssize_t len;

	/* EPIPE: some were overwritten unread; the next read goes on behind them */
	while ((len = read(fd, record, sizeof(record) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		char *text;

		if (len < 0)
			continue;
		record[len] = '\0';
		text = strchr(record, ';');
		if (!text || !is_warning(text))
			continue;
		text++;
		text[strcspn(text, "\n\"\\")] = '\0';
		if (!n++)
			snprintf(first, size, "%s", text);
	}
	return n;
}
