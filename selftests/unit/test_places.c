// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Who gets a connection, and who has to give one: several users, each a process. */
#include "fixture.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "json.h"
#include "server.h"

static char root[64], path[80];
static struct server *server;
static int epoll_fd;

static struct json_object *answer(void *ctx, struct json_object *request, struct peer *peer)
{
	(void)ctx;
	peer->follow = js_bool(request, "follow");
	return json_object_new_object();
}

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	snprintf(path, sizeof(path), "%s/run/control.sock", root);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return server_open(&server, path, epoll_fd, 100, answer, NULL);
}

static int teardown(void **state)
{
	(void)state;
	server_close(server);
	close(epoll_fd);
	tree_free(root);
	return 0;
}

/* Lets the server work off what has arrived. */
static void serve(void)
{
	struct epoll_event events[8];
	int nr;

	while ((nr = epoll_wait(epoll_fd, events, 8, 0)) > 0) {
		for (int i = 0; i < nr; i++)
			server_event(server, events[i].data.u32, events[i].events);
	}
}

/*
 * A process of this uid that connects `nr` times, says so, asks for `line` on each where there is one,
 * stays until `rest` is closed and then exits by the number of connections that are still open, plus 100.
 */
static pid_t crowd(uid_t uid, int nr, const char *line, const int rest[2], int ready)
{
	struct control *c[SERVER_CLIENTS];
	int open_nr = 0;
	char byte;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	/* the daemon's ends, too: what it closes shall be closed */
	for (int fd = 3; fd < 256; fd++) {
		if (fd != rest[0] && fd != ready)
			close(fd);
	}
	if (setuid(uid))
		_exit(1);
	for (int i = 0; i < nr; i++) {
		if (control_open(&c[i], path) ||
		    (line && send(control_fd(c[i]), line, strlen(line), MSG_NOSIGNAL) < 0))
			_exit(2);
	}
	if (write(ready, "", 1) != 1 || read(rest[0], &byte, 1))
		_exit(3);
	for (int i = 0; i < nr; i++) {
		char buf[256];
		ssize_t n;

		do
			n = recv(control_fd(c[i]), buf, sizeof(buf), MSG_DONTWAIT);
		while (n > 0);
		open_nr += n < 0 && errno == EAGAIN;
	}
	_exit(100 + open_nr);
}

/* Nobody who may only look keeps others from it: by idling, by following, alone or in company. */
static void a_place_for_each(void **state)
{
	static const char follow[] = "{\"follow\":true}\n";
	/* who comes, with how many connections that follow or idle; and how many are left at the end */
	static const struct {
		uid_t uid;
		int nr, left;
		bool follows;
	} cast[] = {
		/* never more than 4, and then the first to give */
		{60001, SERVER_CLIENTS, 3, false},
		/* who has more than others gives followers, too */
		{60002, 4, 3, true},
		{60003, 4, 3, true},
		{60004, 1, 1, false},
		{60005, 1, 1, false},
		{60006, 1, 1, false},
	};
	enum {
		NR = sizeof(cast) / sizeof(cast[0])
	};
	int ready[2], rest[2], status;
	pid_t pid[NR];
	char byte;

	(void)state;
	if (getuid())
		skip();
	assert_int_equal(chmod(root, 0755) | chmod(path, 0666), 0);
	assert_int_equal(pipe(ready) | pipe(rest), 0);
	for (int i = 0; i < NR; i++) {
		pid[i] = crowd(cast[i].uid, cast[i].nr, cast[i].follows ? follow : NULL, rest,
			       ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		serve();
	}
	close(rest[1]);
	for (int i = 0; i < NR; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 100 + cast[i].left)
			fail_msg("uid %u: status %#x", cast[i].uid, status);
	}
	close(rest[0]);
	close(ready[0]);
	close(ready[1]);
	serve();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_place_for_each, setup, teardown),
	};

	return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
