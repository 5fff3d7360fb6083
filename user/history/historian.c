// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include <errno.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/log.h"
#include "../lib/parse.h"
#include "historian.h"

#define NS_PER_S 1000000000ULL

int historian_open(struct historian *h)
{
	char why[HISTORY_ERROR_LEN];
	ssize_t n = read_file(h->root, "/proc/sys/kernel/random/boot_id", h->boot_id,
			      sizeof(h->boot_id));
	int err;

	if (n < 0) {
		log_error("boot_id cannot be read: %s", strerror((int)-n));
		return (int)n;
	}
	err = history_open(&h->history, h->db, NULL, why, sizeof(why));
	if (*why)
		log_line(err ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "%s", why);
	if (!err)
		err = feed_open(&h->feed, h->history);
	return err;
}

void historian_close(struct historian *h)
{
	if (h->feed && feed_flush(h->feed))
		log_warn("%s: the last seconds are lost: %s", h->db, history_error(h->history));
	feed_close(h->feed);
	history_close(h->history);
	control_close(h->control);
	h->feed = NULL;
	h->history = NULL;
	h->control = NULL;
}

/* A reader may keep it waiting, and a disk may be full for a while. What is damaged is moved aside. */
static int written(struct historian *h, int err)
{
	if (err >= 0) {
		h->failures = 0;
		return 0;
	}
	if (err == -EUCLEAN) {
		log_warn("%s: %s", h->db, history_error(h->history));
		feed_close(h->feed);
		history_close(h->history);
		h->feed = NULL;
		h->history = NULL;
		return historian_open(h);
	}
	if (!h->failures++)
		log_warn("%s: not written, again in a second: %s", h->db,
			 history_error(h->history));
	return h->failures < HISTORIAN_FAILURES ? 0 : err;
}

/* A verb without arguments. 0, or negative errno; -EREMOTEIO and the like: the daemon refused. */
static int ask(struct historian *h, const char *verb, struct json_object **reply)
{
	struct json_object *request = control_request(verb);
	int err = request ? control_call(h->control, request, reply) : -ENOMEM;

	json_object_put(request);
	return err;
}

static void away(struct historian *h, int err, __u64 now_s)
{
	if (!h->away)
		log_warn("%s: %s; tried again every %d s", h->socket, strerror(-err),
			 HISTORIAN_AGAIN_S);
	h->away = true;
	h->again_s = now_s + HISTORIAN_AGAIN_S;
	control_close(h->control);
	h->control = NULL;
}

/* Is there a connection? */
static bool reach(struct historian *h, __u64 now_s)
{
	int err;

	if (h->control)
		return true;
	if (now_s < h->again_s)
		return false;
	err = control_open(&h->control, h->socket);
	if (err) {
		h->control = NULL;
		away(h, err, now_s);
		return false;
	}
	if (h->away)
		log_info("%s: connected", h->socket);
	h->away = false;
	h->changes_s = 0;
	return true;
}

int historian_step(struct historian *h, struct history_time now)
{
	__u64 now_s = now.mono_ns / NS_PER_S;
	struct json_object *reply = NULL;
	int err;

	if (!reach(h, now_s))
		return 0;
	err = ask(h, "vitals", &reply);
	if (!err)
		err = written(h, feed_take(h->feed, reply, now));
	else
		away(h, err, now_s);
	json_object_put(reply);
	if (err || !h->control || now_s < h->changes_s)
		return h->control ? err : 0;
	reply = NULL;
	err = ask(h, "changes", &reply);
	if (err) {
		away(h, err, now_s);
		err = 0;
	} else {
		err = history_changes(h->history, reply, h->boot_id, now);
		/* 0: nothing was new, and nothing was tried that could have failed */
		err = err ? written(h, err) : 0;
		h->changes_s = now_s + HISTORIAN_CHANGES_S;
	}
	json_object_put(reply);
	return err;
}
