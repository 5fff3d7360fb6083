// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "load_log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "kernel.h"
#include "log.h"

static char text[8192];
static size_t text_len;

/* Keeps the newest: makes room by dropping the older half. */
static void keep(const char *line, size_t len)
{
	if (len >= sizeof(text) / 2) {
		line += len - sizeof(text) / 2;
		len = sizeof(text) / 2;
	}
	if (text_len + len >= sizeof(text)) {
		size_t drop = text_len - sizeof(text) / 4;

		memmove(text, text + drop, text_len - drop);
		text_len -= drop;
	}
	memcpy(text + text_len, line, len);
	text_len += len;
	text[text_len] = '\0';
}

static int __attribute__((format(printf, 2, 0))) print(enum libbpf_print_level level,
						       const char *fmt, va_list ap)
{
	char *line; /* a verifier's log is one line here, of any length, and its end is what counts */
	int len;

	if (level == LIBBPF_DEBUG || (level == LIBBPF_INFO && log_get_level() < LOG_LEVEL_DEBUG))
		return 0;
	len = vasprintf(&line, fmt, ap);
	if (len < 0)
		return len;
	if (level == LIBBPF_WARN)
		keep(line, (size_t)len);
	while (len && line[len - 1] == '\n')
		line[--len] = '\0';
	log_debug("%s", line);
	free(line);
	return len;
}

void load_log_take(void)
{
	libbpf_set_print(print);
}

void load_log_clear(void)
{
	text_len = 0;
	text[0] = '\0';
}

const char *load_log(void)
{
	return text;
}

/* The family of a program, by its name. */
static enum family_id family_of(const char *program, size_t len)
{
	static const struct {
		const char *prefix;
		enum family_id id;
	} known[] = {
		{"sense_", FAMILY_SENSE},     {"pulse_", FAMILY_PULSE},
		{"fold_", FAMILY_PULSE},      {"tasks", FAMILY_TASKS},
		{"rematch", FAMILY_TASKS},    {"sched_", FAMILY_SCHED},
		{"xdp_", FAMILY_XDP},	      {"tcp_", FAMILY_TCP},
		{"loss_", FAMILY_TCP_LOSS},   {"sockops_", FAMILY_SOCKOPS},
		{"sockets_", FAMILY_SOCKETS}, {"tc_", FAMILY_TC},
		{"counts_", FAMILY_COUNTS},   {"drops_", FAMILY_DROPS},
		{"softirq_", FAMILY_SOFTIRQ}, {"steer_", FAMILY_STEER},
		{"receive_", FAMILY_RECEIVE}, {"irq_", FAMILY_IRQ},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (len >= strlen(known[i].prefix) &&
		    !strncmp(program, known[i].prefix, strlen(known[i].prefix)))
			return known[i].id;
	}
	return FAMILY_NR;
}

/* One line of the log without "libbpf: ". */
static void copy_line(char *why, size_t size, const char *line)
{
	size_t len = strcspn(line, "\n");

	if (!strncmp(line, "libbpf: ", 8)) {
		line += 8;
		len -= 8;
	}
	snprintf(why, size, "%.*s", (int)len, line);
}

/*
 * The verifier's log stands between two marks; its reason is the last line before the statistics
 * ("processed 12 insns …").
 */
static bool verifier_reason(const char *log, char *why, size_t size)
{
	const char *end = strstr(log, "\nprocessed "), *line;

	if (!end || end == log)
		return false;
	for (line = end - 1; line > log && line[-1] != '\n'; line--)
		;
	copy_line(why, size, line);
	return true;
}

enum family_id load_log_blame(const char *log, char *why, size_t size)
{
	static const char failed[] = "prog '";
	enum family_id id = FAMILY_NR;
	const char *at = log;

	why[0] = '\0';
	/* the last program that is named is the one that failed */
	while ((at = strstr(at, failed))) {
		const char *name = at + sizeof(failed) - 1;
		enum family_id found = family_of(name, strcspn(name, "'"));

		if (found != FAMILY_NR) {
			const char *line = at;

			id = found;
			while (line > log && line[-1] != '\n')
				line--;
			if (!why[0])
				copy_line(why, size, line);
		}
		at = name;
	}
	/* what is said of a struct_ops itself names it, or its type */
	if (id == FAMILY_NR && (strstr(log, "tcp_ops") || strstr(log, "tcp_congestion_ops") ||
				strstr(log, "'cubictcp_"))) {
		id = FAMILY_TCP;
		copy_line(why, size, log);
	}
	if (id == FAMILY_NR && (strstr(log, "loss_ops") || strstr(log, "'bbr_"))) {
		id = FAMILY_TCP_LOSS;
		copy_line(why, size, log);
	}
	if (id == FAMILY_NR && (strstr(log, "sched_ext") || strstr(log, "struct_ops") ||
				strstr(log, "homeostat_ops") || strstr(log, "'scx_bpf_"))) {
		id = FAMILY_SCHED;
		copy_line(why, size, log);
	}
	if (id != FAMILY_NR)
		verifier_reason(log, why, size);
	return id;
}
