/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Control protocol: JSON lines over a Unix stream socket. One request line, one reply line;
 * `events` with follow = true streams lines until one side closes. This is the client's side and the
 * numbers both sides keep to; the daemon's side is user/daemon/server.c.
 */
#ifndef HOMEOSTAT_CONTROL_H
#define HOMEOSTAT_CONTROL_H

#include <stddef.h>

#include <json-c/json.h>

#define CONTROL_SOCKET "/run/homeostat/control.sock"
#define CONTROL_GROUP "homeostat"
#define CONTROL_REQUEST_MAX 16384 /* bytes of a request line, newline included; a proposal's */
#define CONTROL_REPLY_MAX (512UL * 1024)   /* bytes of a reply line */
#define CONTROL_EVENTS_MAX 256		   /* events that the daemon remembers */
#define CONTROL_LOOK_MAX_NS 60000000000ULL /* that somebody may look at dropped packets */
#define CONTROL_TASKS_MAX 64		   /* tasks in one reply to `workloads`; see `from` */

struct control; /* one connection */
struct descriptors;

/* Connects, within 5 s. *out is the caller's (control_close). 0 or negative errno (-ETIMEDOUT). */
int control_open(struct control **out, const char *path);

/* NULL-safe. */
void control_close(struct control *control);

/* The descriptor, for poll(). Lines may already be buffered: call control_recv(…, 0) first. */
int control_fd(const struct control *control);

/* Sends one request line; keeps no reference. 0 or negative errno. */
int control_send(struct control *control, struct json_object *request);

/*
 * Next line from the daemon; *reply is the caller's. Waits timeout_ms at most (-1 for ever).
 * 0; -ETIMEDOUT; -EPIPE: the daemon closed; -EPROTO: not a JSON object; -EMSGSIZE; other errno.
 */
int control_recv(struct control *control, int timeout_ms, struct json_object **reply);

/*
 * control_send and control_recv, 5 s at most. *reply is the caller's also where the daemon refused:
 * then the return value is minus its `errno` (-EREMOTEIO if it gave none) and `error` in the
 * reply says why.
 */
int control_call(struct control *control, struct json_object *request, struct json_object **reply);

/*
 * The same, with descriptors (descriptors.h; NULL = none) that go with the request and stay the caller's. The daemon takes them of
 * root alone.
 */
int control_call_with(struct control *control, struct json_object *request,
		      const struct descriptors *fds, struct json_object **reply);

/* A request {"verb": verb}; the caller adds arguments and owns it. NULL: out of memory. */
struct json_object *control_request(const char *verb);

#endif
