// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "keeper.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kept.h"
#include "private_file.h"
#include "privileges.h"

#define STOP_MS 1000

/* CHILD_OTHER_FD: the directory. */
static void be_the_keeper(void *text)
{
	char byte;
	ssize_t n;
	int err;

	while ((n = read(CHILD_FD, &byte, 1)) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		err = private_replace(CHILD_OTHER_FD, KEPT_FILE, text);
		if (send(CHILD_FD, &err, sizeof(err), MSG_NOSIGNAL) != sizeof(err))
			break;
	}
}

/* As the scribe: no privilege, and what the daemon may is more than enough. */
static const struct child_role role = {
	.name = "homeostat-keepr",
	.type = SOCK_SEQPACKET,
	.filter = privileges_filter,
	.live = be_the_keeper,
};

int keeper_start(struct keeper *k, int dir_fd)
{
	int err;

	memset(k, 0, sizeof(*k));
	k->text = mmap(NULL, KEPT_TEXT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);
	if (k->text == MAP_FAILED) {
		k->text = NULL;
		return -errno;
	}
	err = child_start(&k->child, &role, dir_fd, k->text);
	if (err) {
		munmap(k->text, KEPT_TEXT_MAX);
		memset(k, 0, sizeof(*k));
	}
	return err;
}

/* Its end: from now on there is none. */
static int lost(struct keeper *k)
{
	child_lose(&k->child);
	return -ECHILD;
}

int keeper_hear(struct keeper *k, int wait_ms)
{
	struct pollfd answer = {.fd = k->child.fd, .events = POLLIN};
	int err;

	if (poll(&answer, 1, wait_ms) != 1)
		return -EINPROGRESS;
	if (recv(k->child.fd, &err, sizeof(err), MSG_DONTWAIT) != sizeof(err))
		return lost(k);
	k->busy = false;
	return err;
}

int keeper_write(struct keeper *k, const char *text, int wait_ms)
{
	size_t len = strlen(text);
	int err;

	if (!k->child.pid)
		return -ECHILD;
	if (len >= KEPT_TEXT_MAX)
		return -EFBIG;
	err = k->busy ? keeper_hear(k, wait_ms) : 0;
	if (!k->child.pid)
		return err;
	if (k->busy)
		return -EBUSY;
	memcpy(k->text, text, len + 1);
	if (send(k->child.fd, "", 1, MSG_NOSIGNAL) != 1)
		return lost(k);
	k->busy = true;
	return keeper_hear(k, wait_ms);
}

void keeper_stop(struct keeper *k)
{
	if (k->child.pid && k->busy)
		keeper_hear(k, 0);
	child_stop(&k->child, k->busy ? 0 : STOP_MS);
	if (k->text)
		munmap(k->text, KEPT_TEXT_MAX);
	memset(k, 0, sizeof(*k));
}
