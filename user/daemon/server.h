/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The daemon's side of the control protocol (user/lib/control.h): a listening Unix socket and at most
 * SERVER_CLIENTS connections. Nothing here waits: what a client does not read in time costs it the
 * connection, and so does half a request. Memory is bounded: one request line per client, and a reply
 * while it is being sent. So is time: SERVER_ROUND requests of a client, then it is everybody else's
 * turn; of the connections, whoever comes gets one if somebody else holds more; and in each slice of time a budget of requests, one for root and one for all others, and of
 * connections. Who is over it is not read, and goes on in the next slice.
 */
#ifndef HOMEOSTAT_SERVER_H
#define HOMEOSTAT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <json-c/json.h>

#include "control.h"
#include "descriptors.h"

#define SERVER_CLIENTS 16
#define SERVER_CLIENTS_ROOT 4	      /* of these, kept for root */
#define SERVER_CLIENTS_UID 4	      /* the most that any other user holds */
#define SERVER_ROUND 8		      /* requests of one client answered in one round of the loop */
#define SERVER_FOLLOW_MAX (64 * 1024) /* unread bytes after which a follower is dropped */

#define SERVER_SLICE_NS 100000000ULL /* budgets hold for so long */
#define SERVER_SLICE_ROOT 64	     /* requests of root in a slice */
#define SERVER_SLICE_OTHERS 32	     /* of all others together */
#define SERVER_SLICE_ACCEPT 64	     /* connections, of everybody */
#define SERVER_DEAR_NS 500000ULL     /* a request counts once, and once more for so much CPU time */
#define SERVER_PATIENCE_NS 5000000000ULL /* for a client that neither reads nor ends its line */

/* What the handler knows of, and may ask for, the client whose request it answers. */
struct peer {
	uid_t uid;
	pid_t pid;
	bool follow; /* set by the handler: send broadcasts from now on */
	/*
	 * What came with the request, of root alone; what the handler leaves in here is closed. They go with the first line that is whole
	 * by then, so who sends some has no other request under way.
	 */
	struct descriptors fds;
};

/* Answers one request. The reply becomes the server's; NULL closes the connection. */
typedef struct json_object *(*server_handler)(void *ctx, struct json_object *request,
					      struct peer *peer);

struct server;

/*
 * Listens on `path` (its directory is made if missing, and must be nobody's but ours, see private_file.h; a socket that nobody listens on is replaced;
 * another daemon's is -EADDRINUSE; "PATH.lock" beside it, which stays, decides between two that start at
 * the same instant). Readable by root and, where it exists, the group
 * CONTROL_GROUP. Descriptors are added to epoll_fd with data.u32 = tag (listener), tag + 1 + n
 * (client n) and tag + 1 + SERVER_CLIENTS (budgets). 0 or negative errno; *out is the caller's.
 */
int server_open(struct server **out, const char *path, int epoll_fd, unsigned int tag,
		server_handler handler, void *ctx);

/* Closes all, removes the socket. NULL-safe. */
void server_close(struct server *server);

/* @fn is called with the handler's ctx between the steps of a reply: a long one takes as long to free as to make. */
void server_progress(struct server *server, void (*fn)(void *ctx));

/* Events of one of the tags above. */
void server_event(struct server *server, unsigned int tag, unsigned int events);

/* Does anybody follow? */
bool server_followed(const struct server *server);

/* One line to all that follow. */
void server_broadcast(struct server *server, struct json_object *line);

#endif
