// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "hand.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ethtool.h"
#include "filter.h"
#include "place.h"

#define NET "/sys/class/net/"

/* Files that a kernel lets be written by CAP_NET_ADMIN alone, whoever owns them. */
static const char *const files[] = {
	"rps_cpus",	     "rps_flow_cnt",	     "xps_cpus",     "threaded",
	"gro_flush_timeout", "napi_defer_hard_irqs", "tx_queue_len",
};

static bool is_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return len && len < size;
}

static bool is_file(const char *path)
{
	const char *name;

	if (strncmp(path, NET, strlen(NET)) || strstr(path, "/.") || strstr(path, "//"))
		return false;
	name = strrchr(path, '/') + 1;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (!strcmp(name, files[i]))
			return true;
	}
	return false;
}

bool hand_request_ok(const void *message, size_t size)
{
	static const char nothing[UNDO_VALUE_LEN];
	const struct hand_request *r = message;
	char interface[ETHTOOL_NAME_LEN];

	if (size != sizeof(*r) || !is_text(r->path, sizeof(r->path)))
		return false;
	if (r->what == HAND_READ)
		return ethtool_find(r->path, interface) &&
		       !memcmp(r->value, nothing, sizeof(nothing));
	return r->what == HAND_WRITE && is_text(r->value, sizeof(r->value)) &&
	       (is_file(r->path) || ethtool_may_write(r->path));
}

void hand_serve(int fd, const char *root)
{
	struct hand_request r;
	ssize_t n;

	while ((n = recv(fd, &r, sizeof(r), MSG_TRUNC)) > 0 || (n < 0 && errno == EINTR)) {
		struct hand_answer a = {.err = -EPERM};
		ssize_t len;

		if (n < 0)
			continue;
		if (!hand_request_ok(&r, (size_t)n)) {
			;
		} else if (r.what == HAND_WRITE) {
			a.err = place_write_self(root, r.path, r.value);
		} else {
			len = place_read_self(root, r.path, a.value, sizeof(a.value));
			a.err = len < 0 ? (int)len : 0;
		}
		if (send(fd, &a, sizeof(a), MSG_NOSIGNAL) != (ssize_t)sizeof(a))
			break;
	}
}

/* ---- the process ---- */

static int filter(void)
{
	static const int calls[] = {
		SCMP_SYS(recvfrom),   SCMP_SYS(sendto),	      SCMP_SYS(openat),
		SCMP_SYS(open),	      SCMP_SYS(write),	      SCMP_SYS(close),
		SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(fstat),
		SCMP_SYS(newfstatat),
	};
	static const struct filter_table table = {calls, sizeof(calls) / sizeof(*calls), NULL, 0};

	ethtool_open(); /* afterwards it may not; what it fails with is said again when it is needed */
	if (filter_load(&table))
		_exit(1); /* what has too many rights does nothing with them */
	return 0;
}

/* CHILD_OTHER_FD, a mark on the undo table, is not used: it ends with the hand. */
static void be_the_hand(void *ctx)
{
	(void)ctx;
	hand_serve(CHILD_FD, "");
}

int hand_start(struct child *hand, const struct undo *undo)
{
	static const cap_value_t needed = CAP_NET_ADMIN;
	static const struct child_role role = {
		.name = "homeostat-hand",
		.type = SOCK_SEQPACKET,
		.caps = &needed,
		.caps_nr = 1,
		.filter = filter,
		.live = be_the_hand,
	};

	int err, mark = undo_mark(undo);

	if (mark < 0)
		return mark;
	/* what the daemon used at its start is of no use from now on; the hand would take its number for a socket of its own */
	ethtool_close();
	err = child_start(hand, &role, mark, NULL);
	close(mark);
	return err;
}
