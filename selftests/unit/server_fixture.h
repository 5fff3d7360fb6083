/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Both sides of the control protocol in one process; the verbs on a kernel that is only memory. */
#ifndef HOMEOSTAT_TEST_SERVER_FIXTURE_H
#define HOMEOSTAT_TEST_SERVER_FIXTURE_H

#include "fixture.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"
#include "control.h"
#include "daemon.h"
#include "json.h"

static char root[64], path[80];
static struct server *server;
static int epoll_fd;
static struct homeostatd d;
static struct hs_gate gate;
static struct hs_vital vitals[HS_VITAL_NR];
static struct hs_knob knobs[HS_KNOB_NR];
static struct hs_wish wishes[HS_KNOB_NR];
static uid_t pretend; /* who the client is */
static int answered;

static inline struct json_object *answer(void *ctx, struct json_object *request, struct peer *peer)
{
	peer->uid = pretend;
	answered++;
	return verb_answer(ctx, request, peer);
}

static inline int setup(void **state)
{
	(void)state;
	tree_make(root);
	snprintf(path, sizeof(path), "%s/run/control.sock", root);
	memset(&d, 0, sizeof(d));
	gate = (struct hs_gate){.abi_version = HS_ABI_VERSION, .generation = 3};
	memset(vitals, 0, sizeof(vitals));
	memset(knobs, 0, sizeof(knobs));
	memset(wishes, 0, sizeof(wishes));
	d.kernel =
		(struct kernel){.gate = &gate, .vitals = vitals, .knobs = knobs, .wishes = wishes};
	memset(&d.kernel.fd, 0xff, sizeof(d.kernel.fd)); /* no maps */
	for (int i = 0; i < FAMILY_NR; i++)
		d.kernel.family[i].state = FAMILY_UNAVAILABLE;
	d.heartbeat.now = clock_ns;
	d.heartbeat.gate = &gate;
	profile_stock(&d.policy.profile);
	pretend = 0;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return server_open(&server, path, epoll_fd, 100, answer, &d);
}

static inline int teardown(void **state)
{
	(void)state;
	server_close(server);
	close(epoll_fd);
	profile_free(&d.policy.profile);
	tree_free(root);
	return 0;
}

/* Lets the server work off what has arrived. */
static inline void serve(void)
{
	struct epoll_event events[8];
	int nr;

	while ((nr = epoll_wait(epoll_fd, events, 8, 0)) > 0) {
		for (int i = 0; i < nr; i++)
			server_event(server, events[i].data.u32, events[i].events);
	}
}

static inline struct json_object *ask_line(struct control *c, const char *line)
{
	struct json_object *reply = NULL;

	assert_int_equal(send(control_fd(c), line, strlen(line), MSG_NOSIGNAL), strlen(line));
	serve();
	assert_int_equal(control_recv(c, 1000, &reply), 0);
	return reply;
}

static inline struct control *connect_one(void)
{
	struct control *c;

	assert_int_equal(control_open(&c, path), 0);
	serve();
	return c;
}

static inline void expect(const char *line, bool ok, const char *error, int number)
{
	struct control *c = connect_one();
	struct json_object *reply = ask_line(c, line);

	assert_int_equal(js_bool(reply, "ok"), ok);
	if (!ok &&
	    (!strstr(js_str(reply, "error"), error) || js_u64(reply, "errno") != (__u64)number))
		fail_msg("%s: %s", line, js_line(reply));
	json_object_put(reply);
	control_close(c);
	serve();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
