// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "door.h"
#include "json.h"

struct client {
	int fd; /* -1 = free */
	struct peer peer;
	size_t in_len;
	size_t out_at, out_len;
	char *out;	       /* owned; NULL = nothing to send */
	bool more;	       /* whole requests may be left in `in` */
	bool paused;	       /* its kind has used up its budget */
	unsigned int interest; /* what epoll is asked for */
	__u64 heard_ns;	       /* when it came, or last said anything */
	__u64 since_ns; /* a reply has waited, or a request lacked its end, since then; 0 = no */
	char in[CONTROL_REQUEST_MAX];
};

/* What is counted against a budget, each by itself. */
enum kind {
	KIND_ROOT,
	KIND_OTHERS,
	KIND_ACCEPT,
	KIND_NR
};

static const int budget_max[KIND_NR] = {
	[KIND_ROOT] = SERVER_SLICE_ROOT,
	[KIND_OTHERS] = SERVER_SLICE_OTHERS,
	[KIND_ACCEPT] = SERVER_SLICE_ACCEPT,
};

struct server {
	int epoll_fd;
	struct door door;
	unsigned int tag;
	server_handler handler;
	void (*progress)(void *ctx); /* may be NULL */
	void *ctx;
	int timer_fd;	   /* runs while somebody is paused or may be too slow */
	bool timed;	   /* it does */
	bool paused;	   /* no connection is accepted until the next slice */
	int first;	   /* whose turn it is first in the next slice */
	__u64 slice_ns;	   /* when the present slice began */
	int left[KIND_NR]; /* of each budget; below 0 = owed by the next slice */
	struct client client[SERVER_CLIENTS];
};

static void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	descriptors_close(&client->peer.fds);
	free(client->out);
	client->fd = -1;
	client->out = NULL;
	client->in_len = client->out_at = client->out_len = 0;
	client->more = client->paused = false;
	client->since_ns = 0;
}

/* ---- budgets ---- */

static enum kind client_kind(const struct client *client)
{
	return client->peer.uid ? KIND_OTHERS : KIND_ROOT;
}

/* A slice later at the latest, server_slice() looks who may go on and who has gone to sleep. */
static void start_timer(struct server *server)
{
	struct itimerspec slice = {.it_value = clock_timespec(SERVER_SLICE_NS)};

	if (!server->timed)
		server->timed = !timerfd_settime(server->timer_fd, 0, &slice, NULL);
}

/* Is anything left of the budget, in the present slice? */
static bool may(struct server *server, enum kind kind)
{
	__u64 now = clock_ns(), slices = (now - server->slice_ns) / SERVER_SLICE_NS;

	if (slices) {
		server->slice_ns += slices * SERVER_SLICE_NS;
		for (int i = 0; i < KIND_NR; i++) {
			__s64 left = server->left[i] + (__s64)slices * budget_max[i];

			server->left[i] = left > budget_max[i] ? budget_max[i] : (int)left;
		}
	}
	return server->left[kind] > 0;
}

static __u64 cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (__u64)ts.tv_sec * NS_PER_S + (__u64)ts.tv_nsec;
}

/*
 * Asks epoll for writability only while there is something to write, or requests are left from this
 * round: a socket that can be written to brings us back to them in the next. Of who is paused we want
 * to hear nothing, except that it is gone.
 */
static int client_interest(struct server *server, struct client *client)
{
	struct epoll_event event = {.events = client->out || client->more ? EPOLLOUT : EPOLLIN};

	if (client->out || client->in_len) {
		if (!client->since_ns)
			client->since_ns = clock_ns();
		start_timer(server);
	} else {
		client->since_ns = 0;
	}
	if (client->paused && !client->out)
		event.events = 0;
	if (client->interest == event.events)
		return 0;
	event.data.u32 = server->tag + 1 + (unsigned int)(client - server->client);
	client->interest = event.events;
	return epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, client->fd, &event) ? -errno : 0;
}

/* Sends what the socket takes. Negative errno: the connection is of no more use. */
static int client_send(struct server *server, struct client *client)
{
	while (client->out_at < client->out_len) {
		ssize_t n = send(client->fd, client->out + client->out_at,
				 client->out_len - client->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return client_interest(server, client);
		if (n < 0)
			return -errno;
		client->out_at += (size_t)n;
	}
	free(client->out);
	client->out = NULL;
	client->since_ns = 0;
	client->out_at = client->out_len = 0;
	return client_interest(server, client);
}

/* Queues a line and sends what goes. `max` bounds what may be waiting. */
static int client_line(struct server *server, struct client *client, const char *line, size_t max)
{
	size_t len = strlen(line), waiting = client->out_len - client->out_at;
	char *out;

	if (waiting + len + 1 > max)
		return -EMSGSIZE;
	out = malloc(waiting + len + 1);
	if (!out)
		return -ENOMEM;
	if (waiting)
		memcpy(out, client->out + client->out_at, waiting);
	memcpy(out + waiting, line, len);
	out[waiting + len] = '\n';
	free(client->out);
	client->out = out;
	client->out_at = 0;
	client->out_len = waiting + len + 1;
	return client_send(server, client);
}

static int client_reply(struct server *server, struct client *client, size_t len)
{
	struct json_object *request = js_parse(client->in, len), *reply;
	const char *line;
	int err = -EPROTO;

	if (request) {
		reply = server->handler(server->ctx, request, &client->peer);
	} else {
		reply = json_object_new_object();
		js_add_bool(reply, "ok", false);
		js_add_str(reply, "error",
			   "not a JSON object; expected {\"verb\":\"…\"} in one line");
		js_add_u64(reply, "errno", EINVAL);
	}
	descriptors_close(&client->peer.fds);
	line = reply ? js_line(reply) : NULL;
	if (line)
		err = client_line(server, client, line, CONTROL_REPLY_MAX);
	if (err == -EMSGSIZE)
		err = client_line(
			server, client,
			"{\"ok\":false,\"error\":\"the answer is too long\",\"errno\":90}",
			CONTROL_REPLY_MAX);
	if (server->progress)
		server->progress(server->ctx);
	json_object_put(reply);
	json_object_put(request);
	return err;
}

/*
 * Answers whole lines, one at a time: the next one waits until the reply is sent, and for the next
 * round once there have been SERVER_ROUND of them.
 */
static int client_lines(struct server *server, struct client *client)
{
	bool more = true;
	int err;

	for (int i = 0; i < SERVER_ROUND && !client->out; i++) {
		char *end = memchr(client->in, '\n', client->in_len);
		__u64 before;
		size_t len;

		if (!end) {
			more = false;
			break;
		}
		if (!may(server, client_kind(client))) {
			client->paused = true;
			start_timer(server);
			break;
		}
		len = (size_t)(end - client->in);
		before = cpu_ns();
		err = client_reply(server, client, len);
		server->left[client_kind(client)] -=
			1 + (int)((cpu_ns() - before) / SERVER_DEAR_NS);
		if (err)
			return err;
		client->since_ns = 0;
		client->in_len -= len + 1;
		memmove(client->in, end + 1, client->in_len);
	}
	client->more = more;
	if (!more && client->in_len == sizeof(client->in))
		return -EMSGSIZE;
	return client_interest(server, client);
}

static int client_receive(struct server *server, struct client *client)
{
	char *at = client->in + client->in_len;
	size_t room = sizeof(client->in) - client->in_len;
	ssize_t n;

	/* descriptors of others never get as far as this process: the kernel drops what nobody has room for */
	if (client->peer.uid)
		n = recv(client->fd, at, room, MSG_DONTWAIT);
	else
		n = descriptors_receive(client->fd, at, room, &client->peer.fds);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return -EPIPE;
	client->in_len += (size_t)n;
	client->heard_ns = clock_ns();
	return client_lines(server, client);
}

/* While the listener is paused the queue fills, and those who connect wait in it or behind it. */
static void pause_accept(struct server *server, bool paused)
{
	struct epoll_event event = {.events = paused ? 0 : EPOLLIN, .data.u32 = server->tag};

	if (server->paused == paused)
		return;
	server->paused = paused;
	epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, server->door.fd, &event);
}

/* ---- places ---- */

static int places(const struct server *server, uid_t uid)
{
	int nr = 0;

	for (int i = 0; i < SERVER_CLIENTS; i++)
		nr += server->client[i].fd >= 0 && server->client[i].peer.uid == uid;
	return nr;
}

/*
 * How soon this client gives its place to a newcomer of that uid, 0 = never: who holds most first, of
 * theirs who follows nothing. Nobody drives out root, its own followers, or who would then hold less.
 */
static int rank(const struct server *server, const struct client *client, uid_t uid)
{
	int own = uid ? places(server, uid) : -1, held = places(server, client->peer.uid);
	bool follow = client->peer.follow, stays;

	stays = !client->peer.uid || own >= SERVER_CLIENTS_UID || held <= own + follow;
	if (client->peer.uid == uid)
		stays = follow;
	return client->fd < 0 || stays ? 0 : 2 * held + !follow;
}

/* A place for this uid, another's where it must be: of equal rank, the longest silent goes. -1: none. */
static int find_place(struct server *server, uid_t uid)
{
	bool free_one = !uid || places(server, uid) < SERVER_CLIENTS_UID;
	int victim = -1, most = 1; /* no rank is 1 */

	/* the first places are root's alone: who may only look cannot shut it out */
	for (int i = uid ? SERVER_CLIENTS_ROOT : 0; free_one && i < SERVER_CLIENTS; i++) {
		if (server->client[i].fd < 0)
			return i;
	}
	for (int i = 0; i < SERVER_CLIENTS; i++) {
		const struct client *client = &server->client[i];
		int now = rank(server, client, uid);

		if (now < most ||
		    (now == most && client->heard_ns >= server->client[victim].heard_ns))
			continue;
		victim = i;
		most = now;
	}
	if (victim >= 0)
		client_close(&server->client[victim]);
	return victim;
}

static void client_accept(struct server *server)
{
	struct epoll_event event = {.events = EPOLLIN};
	socklen_t size = sizeof(struct ucred);
	struct ucred cred;
	int fd, i;

	if (!may(server, KIND_ACCEPT)) {
		pause_accept(server, true);
		start_timer(server);
		return;
	}
	server->left[KIND_ACCEPT]--;
	fd = accept4(server->door.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size)) {
		close(fd);
		return;
	}
	i = find_place(server, cred.uid);
	if (i < 0) {
		close(fd); /* the client sees the end of file */
		return;
	}
	event.data.u32 = server->tag + 1 + (unsigned int)i;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		close(fd);
		return;
	}
	server->client[i].fd = fd;
	server->client[i].interest = EPOLLIN;
	server->client[i].heard_ns = clock_ns();
	server->client[i].peer = (struct peer){.uid = cred.uid, .pid = cred.pid};
}

/*
 * A slice is over. Who was paused goes on, in another order each time, so that nobody is always last.
 * Who has not read a reply or ended a line within SERVER_PATIENCE_NS goes, however busy it looks.
 */
static void server_slice(struct server *server)
{
	__u64 expired, now = clock_ns();

	if (read(server->timer_fd, &expired, sizeof(expired)) < 0)
		return;
	server->timed = false;
	pause_accept(server, false);
	server->first = (server->first + 1) % SERVER_CLIENTS;
	for (int i = 0; i < SERVER_CLIENTS; i++) {
		struct client *client = &server->client[(server->first + i) % SERVER_CLIENTS];

		if (client->fd < 0)
			continue;
		/* who waits for us is not slow */
		if (client->paused)
			client->since_ns = 0;
		client->paused = false;
		if ((client->since_ns && now - client->since_ns > SERVER_PATIENCE_NS) ||
		    client_interest(server, client))
			client_close(client);
	}
}

/* Asked anew: the event may be of who had the place before, in the same round. */
static bool is_gone(const struct client *client)
{
	struct pollfd state = {.fd = client->fd};

	return poll(&state, 1, 0) > 0;
}

void server_event(struct server *server, unsigned int tag, unsigned int events)
{
	struct client *client;
	int err = 0;

	if (tag == server->tag) {
		client_accept(server);
		return;
	}
	if (tag == server->tag + 1 + SERVER_CLIENTS) {
		server_slice(server);
		return;
	}
	client = &server->client[tag - server->tag - 1];
	if (client->fd < 0)
		return; /* closed earlier in the same round */
	if (events & EPOLLOUT) {
		err = client_send(server, client);
		if (!err)
			err = client_lines(server, client);
	}
	if (!err && events & EPOLLIN)
		err = client_receive(server, client);
	if (err ||
	    ((events & EPOLLERR || (events & EPOLLHUP && !(events & EPOLLIN))) && is_gone(client)))
		client_close(client);
}

bool server_followed(const struct server *server)
{
	for (int i = 0; i < SERVER_CLIENTS; i++) {
		if (server->client[i].fd >= 0 && server->client[i].peer.follow)
			return true;
	}
	return false;
}

void server_broadcast(struct server *server, struct json_object *line)
{
	const char *text = js_line(line);

	for (int i = 0; text && i < SERVER_CLIENTS; i++) {
		struct client *client = &server->client[i];

		if (client->fd >= 0 && client->peer.follow &&
		    client_line(server, client, text, SERVER_FOLLOW_MAX))
			client_close(client);
	}
}

/* The listener and the timer come to be heard. */
static int add_sources(struct server *server)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = server->tag};

	server->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (server->timer_fd < 0 ||
	    epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->door.fd, &event))
		return -errno;
	event.data.u32 = server->tag + 1 + SERVER_CLIENTS;
	return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->timer_fd, &event) ? -errno : 0;
}

int server_open(struct server **out, const char *path, int epoll_fd, unsigned int tag,
		server_handler handler, void *ctx)
{
	struct server *server;
	int err;

	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->epoll_fd = epoll_fd;
	server->door.fd = server->door.lock_fd = server->timer_fd = -1;
	server->tag = tag;
	server->handler = handler;
	server->ctx = ctx;
	for (int i = 0; i < SERVER_CLIENTS; i++)
		server->client[i].fd = -1;
	err = door_open(&server->door, path);
	if (!err)
		err = add_sources(server);
	if (err) {
		server_close(server);
		return err;
	}
	*out = server;
	return 0;
}

void server_progress(struct server *server, void (*fn)(void *ctx))
{
	server->progress = fn;
}

void server_close(struct server *server)
{
	if (!server)
		return;
	for (int i = 0; i < SERVER_CLIENTS; i++)
		client_close(&server->client[i]);
	door_close(&server->door);
	if (server->timer_fd >= 0)
		close(server->timer_fd);
	free(server);
}
