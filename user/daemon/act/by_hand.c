// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "by_hand.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>

#include "ethtool.h"
#include "hand/hand.h"
#include "log.h"
#include "place.h"

#define STOP_MS 1000 /* its call may be at a driver: then it ends when that is over */

static struct child hand;
static bool lost;		    /* there was one */
static bool owes;		    /* it was asked, and has not answered … */
static char writing[UNDO_PATH_LEN]; /* … for a write of that; "" = for a read */
static bool owes_late;		    /* nobody waits for that answer any more */

/* The kernel tells at once, unless somebody holds its lock of all interfaces; the main loop has its heartbeat to keep. */
#define READ_MS 200
/* Most settings are taken at once; a ring is made anew, and the link with it: that takes a driver a second or more. */
#define WRITE_MS 100

static bool may(cap_value_t cap)
{
	cap_flag_value_t has = CAP_CLEAR;
	cap_t now = cap_get_proc();
	bool yes = now && !cap_get_flag(now, cap, CAP_PERMITTED, &has) && has == CAP_SET;

	cap_free(now);
	return yes;
}

/* There nothing is refused to us, and the hand is not asked. */
static bool below(const char *root)
{
	return root && *root;
}

/* It is dead, or answers what is no answer: from now on there is none. */
static int lose(void)
{
	child_lose(&hand);
	lost = true;
	owes = owes_late = false;
	writing[0] = '\0';
	log_warn("the hand is lost: network cards and their queues are not changed until "
		 "homeostatd is started again");
	return -EPIPE;
}

bool by_hand_lost(void)
{
	return lost;
}

/* Its answer, within @wait_ms. 0; -EAGAIN: none yet; -EPIPE: there is no hand any more. */
static int hear(struct hand_answer *a, int wait_ms)
{
	struct pollfd p = {.fd = hand.fd, .events = POLLIN};
	ssize_t n;
	int ready;

	do {
		ready = poll(&p, 1, wait_ms);
	} while (ready < 0 && errno == EINTR);
	if (!ready)
		return -EAGAIN;
	n = recv(hand.fd, a, sizeof(*a), MSG_DONTWAIT);
	if (n != (ssize_t)sizeof(*a) || strnlen(a->value, sizeof(a->value)) == sizeof(a->value))
		return lose();
	if (owes_late && *writing && a->err)
		log_warn("%s: what its driver was asked for has failed: %s", writing,
			 strerror(-a->err));
	owes = owes_late = false;
	writing[0] = '\0';
	return 0;
}

/*
 * -EPERM: there is none, or it does no such thing. -EAGAIN: it is still at something else, or the kernel does not answer.
 * -EINPROGRESS: it writes, and is not done.
 */
static int ask(enum hand_what what, const char *path, const char *value, struct hand_answer *a)
{
	struct hand_request r = {.what = what};
	int err;

	if (!hand.pid || strlen(path) >= sizeof(r.path) || strlen(value) >= sizeof(r.value))
		return -EPERM;
	strcpy(r.path, path);
	strcpy(r.value, value);
	if (!hand_request_ok(&r, sizeof(r)))
		return -EPERM;
	/* what was waited for in vain is not this one's answer; and the main loop does not wait for it once more */
	err = owes ? hear(a, 0) : 0;
	if (err)
		return err;
	if (send(hand.fd, &r, sizeof(r), MSG_NOSIGNAL) != (ssize_t)sizeof(r))
		return lose();
	owes = true;
	if (what == HAND_WRITE)
		strcpy(writing, path);
	err = hear(a, what == HAND_READ ? READ_MS : WRITE_MS);
	owes_late = err == -EAGAIN;
	if (owes_late && what == HAND_WRITE)
		return -EINPROGRESS;
	return err ? err : a->err;
}

/* Files are read by ourselves; cards by the hand, as netlink is refused to us. */
static ssize_t read_by_hand(const char *root, const char *path, char *buf, size_t size)
{
	char interface[ETHTOOL_NAME_LEN];
	struct hand_answer a;
	int err;

	if (!below(root) && *writing && !strcmp(path, writing) && hear(&a, 0) == -EAGAIN)
		return -EAGAIN; /* what a file holds now is not what it is about to */
	if (below(root) || !ethtool_is(path))
		return place_read_self(root, path, buf, size);
	buf[0] = '\0';
	/* an interface with a name that we take for none is no reason to refuse the others */
	err = ethtool_find(path, interface) ? ask(HAND_READ, path, "", &a) : -EINVAL;
	if (err)
		return err;
	if (strlen(a.value) >= size)
		return -EFBIG;
	strcpy(buf, a.value);
	return (ssize_t)strlen(buf);
}

/* As ourselves, then by the hand. */
static int write_by_hand(const char *root, const char *path, const char *value)
{
	int err = below(root) || !ethtool_is(path) ? place_write_self(root, path, value) : -EPERM;
	struct hand_answer a;

	return below(root) || (err != -EPERM && err != -EACCES) ? err
								: ask(HAND_WRITE, path, value, &a);
}

int by_hand_start(const struct undo *undo)
{
	static const struct place_helper helper = {read_by_hand, write_by_hand};

	place_by(
		&helper); /* also without it: we may not open the socket, and that is no error to be logged */
	lost = owes = owes_late = false;
	writing[0] = '\0';
	return may(CAP_NET_ADMIN) ? hand_start(&hand, undo) : -EPERM;
}

void by_hand_wait(int ms)
{
	struct hand_answer a;

	if (owes)
		hear(&a, ms);
}

void by_hand_stop(void)
{
	place_by(NULL);
	child_stop(&hand, STOP_MS);
}
