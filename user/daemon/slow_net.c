// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What the kernel counts of TCP, from /proc. These counters are numbered differently from kernel to kernel and known by
 * name only there; they tell of connections, for which a second is soon enough.
 */
#include "slow.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "parse.h"

#define FEW_SEGMENTS                                                                               \
	100 /* a share of so many segments at least: one of two sent again is no alarm */
#define store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

/* The next word of a line, which is moved behind it. Its length; 0 at the end of the line. */
static size_t next_word(const char **line, const char **word)
{
	size_t len;

	*line += strspn(*line, " ");
	*word = *line;
	len = strcspn(*line, " \n");
	*line += len;
	return len;
}

int slow_counter(const char *text, const char *table, const char *name, __u64 *value)
{
	size_t table_len = strlen(table), name_len = strlen(name), len;
	const char *names = text, *values, *word;

	/* two lines each: the names, then the numbers */
	while (strncmp(names, table, table_len) || names[table_len] != ':') {
		names = strchr(names, '\n');
		if (!names)
			return -ENOENT;
		names++;
	}
	values = strchr(names, '\n');
	if (!values || strncmp(values + 1, table, table_len) || values[table_len + 1] != ':')
		return -EINVAL;
	names += table_len + 1;
	values += table_len + 2;
	while ((len = next_word(&names, &word))) {
		bool found = len == name_len && !memcmp(word, name, len);

		len = next_word(&values, &word);
		if (!len)
			return -EINVAL;
		if (!found)
			continue;
		if (parse_digits(&word, ~0ULL, value))
			return -EINVAL;
		return word == values ? 0 : -EINVAL;
	}
	return -ENOENT;
}

/* The larger file has four thousand bytes of names alone. */
static int read_counters(const char *root, struct slow_tcp *now)
{
	static char buf[32768];
	ssize_t len = read_file(root, "/proc/net/snmp", buf, sizeof(buf));
	int err = len < 0 ? (int)len : slow_counter(buf, "Tcp", "OutSegs", &now->sent);

	if (!err)
		err = slow_counter(buf, "Tcp", "RetransSegs", &now->again);
	if (err)
		return err;
	len = read_file(root, "/proc/net/netstat", buf, sizeof(buf));
	/* ListenOverflows and TCPReqQFullDrop are among these */
	return len < 0 ? (int)len : slow_counter(buf, "TcpExt", "ListenDrops", &now->refused);
}

static void enter_rates(struct hs_vital *vitals, const struct slow_tcp *old,
			const struct slow_tcp *now)
{
	__u64 again = now->again - old->again, all = now->sent - old->sent + again;

	vital_enter(&vitals[HS_VITAL_LISTEN_FULL],
		    (now->refused - old->refused) * 1000000000 / (now->at_ns - old->at_ns),
		    now->at_ns);
	vital_enter(&vitals[HS_VITAL_RETRANSMITS],
		    again * 1000 / (all > FEW_SEGMENTS ? all : FEW_SEGMENTS), now->at_ns);
}

void slow_read_tcp(struct hs_vital vitals[HS_VITAL_NR], struct slow_tcp *tcp, const char *root,
		   __u64 now_ns)
{
	struct slow_tcp now = {.at_ns = now_ns};

	if (read_counters(root, &now)) {
		store(&vitals[HS_VITAL_LISTEN_FULL].present, 0);
		store(&vitals[HS_VITAL_RETRANSMITS].present, 0);
		now.at_ns = 0;
	} else if (tcp->at_ns && tcp->at_ns < now_ns && now.again >= tcp->again &&
		   now.sent >= tcp->sent && now.refused >= tcp->refused) {
		enter_rates(vitals, tcp, &now);
	}
	*tcp = now;
}
