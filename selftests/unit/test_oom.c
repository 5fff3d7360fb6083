// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Without memory. Each allocation of ours in turn fails (the linker wraps them; libraries keep theirs):
 * what was asked for then fails as a whole, leaks nothing, and works the next time.
 */
#include "fixture.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "control.h"
#include "incident.h"
#include "json.h"
#include "profile.h"
#include "server.h"

static int fail_in; /* the allocation that fails, counted from 1; 0 = none */

static bool fails(void)
{
	return fail_in && !--fail_in;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t nr, size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_calloc(size_t nr, size_t size)
{
	return fails() ? NULL : __real_calloc(nr, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

char *__real_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len)
{
	return fails() ? NULL : __real_strndup(text, len);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

static char root[64], path[96];

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	snprintf(path, sizeof(path), "%s/control.sock", root);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fail_in = 0;
	tree_free(root);
	return 0;
}

/* Runs `fn` with its first, second … allocation failing, until it needs no more. How many it needed. */
static int each(int (*fn)(void), int wanted)
{
	for (int n = 1;; n++) {
		int err;

		fail_in = n;
		err = fn();
		if (fail_in) { /* it was not reached */
			fail_in = 0;
			assert_int_equal(err, 0);
			return n - 1;
		}
		if (err != wanted)
			fail_msg("allocation %d fails: %d, not %d", n, err, wanted);
		assert_int_equal(fn(), 0);
	}
}

static int load_profile(void)
{
	static const char text[] = "name: a\nworkloads:\n"
				   "  - { name: w, class: batch, match: { comm: a } }\n";
	char file[96], error[256] = "";
	struct profile p;
	int err;

	snprintf(file, sizeof(file), "%s/p.yaml", root);
	tree_put(root, "/p.yaml", text);
	err = profile_load(&p, file, error, sizeof(error));
	if (!err)
		profile_free(&p);
	else /* and it is said */
		assert_non_null(strstr(error, "p.yaml: "));
	return err;
}

static void profiles(void **state)
{
	(void)state;
	assert_true(each(load_profile, -ENOMEM) >= 3);
}

static struct json_object *answer(void *ctx, struct json_object *request, struct peer *peer)
{
	struct json_object *reply = json_object_new_object();

	(void)ctx;
	(void)request;
	(void)peer;
	js_add_bool(reply, "ok", true);
	return reply;
}

static int epoll_fd;

static int serve(void)
{
	struct server *server = NULL;
	int err = server_open(&server, path, epoll_fd, 100, answer, NULL);

	if (!err)
		server_close(server);
	return err;
}

static struct server *server;

static void work_off(void)
{
	struct epoll_event events[8];
	int nr;

	while ((nr = epoll_wait(epoll_fd, events, 8, 0)) > 0) {
		for (int i = 0; i < nr; i++)
			server_event(server, events[i].data.u32, events[i].events);
	}
}

/* Out of memory on either side: the client's error says on which. */
static int converse(void)
{
	struct json_object *request, *reply = NULL;
	struct control *c;
	int err = control_open(&c, path);

	if (err)
		return err;
	request = control_request("status");
	err = control_send(c, request);
	json_object_put(request);
	work_off();
	if (!err)
		err = control_recv(c, 0, &reply);
	json_object_put(reply);
	control_close(c);
	work_off();
	return err == -EPIPE ? -ENOMEM : err; /* the daemon hung up */
}

static void server_and_client(void **state)
{
	(void)state;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert_true(each(serve, -ENOMEM) >= 1);
	assert_int_equal(server_open(&server, path, epoll_fd, 100, answer, NULL), 0);
	assert_true(each(converse, -ENOMEM) >= 3);
	server_close(server);
	close(epoll_fd);
}

static int list_incidents(void)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY), nr;
	char **names;

	nr = incidents_list(fd, &names);
	if (nr >= 0)
		incidents_free(names, nr);
	close(fd);
	return nr < 0 ? nr : nr == 2 ? 0 : -EBADMSG;
}

static void incidents(void **state)
{
	(void)state;
	tree_put(root, "/20261121T123456Z-1-heartbeat.json", "{}");
	tree_put(root, "/20261121T123457Z-2-heartbeat.json", "{}");
	assert_true(each(list_incidents, -ENOMEM) >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(profiles, setup, teardown),
		cmocka_unit_test_setup_teardown(server_and_client, setup, teardown),
		cmocka_unit_test_setup_teardown(incidents, setup, teardown),
	};

	return cmocka_run_group_tests_name("oom", tests, NULL, NULL);
}
