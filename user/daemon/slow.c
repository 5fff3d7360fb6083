// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "slow.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "parse.h"

#define store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

int slow_parse_psi(const char *text, __u64 *permille)
{
	static const char head[] = "some avg10=";
	__u64 whole;
	char digit;

	if (strncmp(text, head, sizeof(head) - 1))
		return -EINVAL;
	text += sizeof(head) - 1;
	if (parse_digits(&text, 100, &whole))
		return -EINVAL;
	digit = text[0] == '.' ? text[1] : '\0';
	if (digit < '0' || digit > '9')
		return -EINVAL;
	*permille = whole * 10 + (__u64)(digit - '0');
	return 0;
}

void slow_enter(struct hs_vital *vital, __u64 value, __u64 now_ns)
{
	__u64 ewma = vital->updated_ns ? vital->ewma - vital->ewma / 8 + value / 8 : value;

	store(&vital->value, value);
	store(&vital->ewma, ewma);
	if (value > vital->peak)
		store(&vital->peak, value);
	store(&vital->updated_ns, now_ns);
	store(&vital->present, 1);
}

void slow_absent(struct hs_vital *vital)
{
	store(&vital->present, 0);
}

static int read_psi(const char *root, const char *path, __u64 *permille)
{
	char buf[256];
	ssize_t len = read_file(root, path, buf, sizeof(buf));

	return len < 0 ? (int)len : slow_parse_psi(buf, permille);
}

/* The second number of statm is resident pages. */
static int read_rss(const char *root, __u64 *bytes)
{
	char buf[128], *rss, *end;
	ssize_t len = read_file(root, "/proc/self/statm", buf, sizeof(buf));
	int err;

	if (len < 0)
		return (int)len;
	rss = strchr(buf, ' ');
	end = rss ? strchr(rss + 1, ' ') : NULL;
	if (!end)
		return -EINVAL;
	*end = '\0';
	err = parse_u64_max(rss + 1, 1ULL << 40, bytes);
	*bytes *= (__u64)sysconf(_SC_PAGESIZE);
	return err;
}

/* "12.34" → 1234, and past it. 0 or -EINVAL. */
static int take_hundredths(const char **text, __u64 *value)
{
	__u64 whole, part;

	if (parse_digits(text, 1ULL << 48, &whole) || *(*text)++ != '.' ||
	    parse_digits(text, 99, &part))
		return -EINVAL;
	*value = whole * 100 + part;
	return 0;
}

/* "0.20 0.18 0.12 3/411 31946": the third of the five, before the slash. */
static int read_running(const char *root, __u64 *running)
{
	char buf[128];
	ssize_t len = read_file(root, "/proc/loadavg", buf, sizeof(buf));
	const char *at;

	if (len < 0)
		return (int)len;
	at = strchr(buf, '/');
	while (at && at > buf && at[-1] != ' ')
		at--;
	return !at || parse_digits(&at, 1ULL << 32, running) || *at != '/' ? -EINVAL : 0;
}

int slow_load(struct slow_load *load, const char *root, __u32 cpus)
{
	__u64 running, up, idle, span;
	char buf[128];
	ssize_t len = read_file(root, "/proc/uptime", buf, sizeof(buf));
	const char *at = buf;
	int err = len < 0 ? (int)len : take_hundredths(&at, &up);

	if (!err)
		err = *at++ == ' ' ? take_hundredths(&at, &idle) : -EINVAL;
	if (!err)
		err = read_running(root, &running);
	if (err)
		return err;
	span = up > load->up_cs ? (up - load->up_cs) * cpus : 0;
	/* idle time is not kept to the hundredth: it may be ahead of the clock, or step back */
	if (load->up_cs && span)
		load->busy_permille = idle < load->idle_cs ? 1000
				      : idle - load->idle_cs >= span
					      ? 0
					      : 1000 - (idle - load->idle_cs) * 1000 / span;
	load->up_cs = up;
	load->idle_cs = idle;
	load->running = running ? running - 1 : 0;
	return 0;
}

void slow_read(struct hs_vital vitals[HS_VITAL_NR], const char *root, __u64 now_ns)
{
	static const struct {
		enum hs_vital_id id;
		const char *path;
	} psi[] = {
		{HS_VITAL_PSI_CPU, "/proc/pressure/cpu"},
		{HS_VITAL_PSI_MEMORY, "/proc/pressure/memory"},
		{HS_VITAL_PSI_IO, "/proc/pressure/io"},
	};
	__u64 value;

	for (size_t i = 0; i < sizeof(psi) / sizeof(psi[0]); i++) {
		if (read_psi(root, psi[i].path, &value))
			slow_absent(&vitals[psi[i].id]);
		else
			slow_enter(&vitals[psi[i].id], value, now_ns);
	}
	if (read_rss(root, &value))
		slow_absent(&vitals[HS_VITAL_DAEMON_RSS]);
	else
		slow_enter(&vitals[HS_VITAL_DAEMON_RSS], value, now_ns);
}
