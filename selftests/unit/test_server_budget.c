// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* How much of the daemon its clients may have. */
#include "server_fixture.h"

/* A packet full of requests is worked off in rounds, the loop's other business between them. */
static void a_flood_goes_in_rounds(void **state)
{
	static const char request[] = "{\"verb\":\"explain\",\"knob\":\"x\"}\n";
	const int all = 3 * SERVER_ROUND + 1;
	char flood[CONTROL_REQUEST_MAX] = "";
	struct control *c = connect_one();
	struct json_object *reply;
	struct epoll_event events[8];
	int rounds = 0, nr;

	(void)state;
	for (int i = 0; i < all; i++)
		strcat(flood, request);
	assert_int_equal(send(control_fd(c), flood, strlen(flood), MSG_NOSIGNAL), strlen(flood));
	while ((nr = epoll_wait(epoll_fd, events, 8, 0)) > 0) {
		assert_int_equal(nr, 1);
		answered = 0;
		server_event(server, events[0].data.u32, events[0].events);
		assert_in_range(answered, 0, SERVER_ROUND);
		rounds++;
	}
	assert_in_range(rounds, 4, 5);
	for (int i = 0; i < all; i++) {
		assert_int_equal(control_recv(c, 1000, &reply), 0);
		json_object_put(reply);
	}
	/* who closes behind a flood leaves nothing */
	assert_int_equal(send(control_fd(c), flood, strlen(flood), MSG_NOSIGNAL), strlen(flood));
	control_close(c);
	serve();
	expect("{\"verb\":\"status\"}\n", true, "", 0);
}

/*
 * Budgets are of real time: what holds on any machine, however busy, is that nothing goes faster than
 * they allow, that all is answered in the end, and that the loop sleeps in between. Serves for `ms` at
 * most; the number of events that it took.
 */
static int serve_for(int ms)
{
	struct epoll_event events[8];
	__u64 end = clock_ns() + (__u64)ms * NS_PER_MS;
	int nr, all = 0;

	do {
		nr = epoll_wait(epoll_fd, events, 8, ms);
		for (int i = 0; i < nr; i++)
			server_event(server, events[i].data.u32, events[i].events);
		all += nr;
	} while (nr && clock_ns() < end);
	return all;
}

#define SLICE_MS ((int)(SERVER_SLICE_NS / NS_PER_MS))

/* Sends `nr` requests in one go. */
static void pour(struct control *c, int nr)
{
	static const char request[] = "rubbish\n";

	for (int i = 0; i < nr; i++)
		assert_int_equal(send(control_fd(c), request, strlen(request), MSG_NOSIGNAL),
				 strlen(request));
}

/* Replies that are there, taken. */
static int replies(struct control *c)
{
	struct json_object *reply;
	int nr = 0;

	while (!control_recv(c, 0, &reply)) {
		json_object_put(reply);
		nr++;
	}
	return nr;
}

static void a_budget_of_requests(void **state)
{
	const int all = 4 * SERVER_SLICE_ROOT;
	struct control *c = connect_one();
	__u64 start = clock_ns();
	int got = 0, events = 0;

	(void)state;
	pour(c, all);
	while (got < all) {
		events += serve_for(10);
		got += replies(c);
	}
	/* the first slice may have been nearly over */
	assert_true(clock_ns() - start >= 2 * SERVER_SLICE_NS);
	assert_in_range(events, 1, all + 4 * (int)((clock_ns() - start) / SERVER_SLICE_NS));
	/* who leaves while it is paused is forgotten at once */
	pour(c, all);
	serve();
	control_close(c);
	serve_for(2 * SLICE_MS);
	expect("{\"verb\":\"status\"}\n", true, "", 0);
}

static bool slow_request;

static struct json_object *dear(void *ctx, struct json_object *request, struct peer *peer)
{
	clock_t end = clock() + (clock_t)(4 * SERVER_DEAR_NS * CLOCKS_PER_SEC / NS_PER_S);

	while (slow_request && clock() < end)
		;
	return answer(ctx, request, peer);
}

/* A request that takes long counts for many. */
static void a_dear_request_counts_more(void **state)
{
	static const char request[] = "{\"verb\":\"status\"}\n";
	char other[96];
	struct server *second;
	struct control *c;
	__u64 start, slices;
	bool quiet = false;

	(void)state;
	snprintf(other, sizeof(other), "%s/run/dear.sock", root);
	assert_int_equal(server_open(&second, other, epoll_fd, 200, dear, &d), 0);
	assert_int_equal(control_open(&c, other), 0);
	slow_request = true;
	for (int i = 0; i < SERVER_SLICE_ROOT; i++)
		assert_int_equal(send(control_fd(c), request, strlen(request), MSG_NOSIGNAL),
				 strlen(request));
	answered = 0;
	start = clock_ns();
	while (!quiet) {
		struct epoll_event event;

		quiet = epoll_wait(epoll_fd, &event, 1, 0) == 0;
		if (!quiet)
			server_event(second, event.data.u32, event.events);
	}
	slow_request = false;
	/* five times the price; a slice, and what more of them began meanwhile */
	slices = (clock_ns() - start) / SERVER_SLICE_NS + 2;
	assert_in_range(answered, 1, slices * SERVER_SLICE_ROOT / 5 + SERVER_ROUND);
	control_close(c);
	server_close(second);
}

/*
 * Connections have a budget, too; who is over it waits in the queue. In rounds that fit into the queue:
 * there is nobody but us to work it off.
 */
static void a_budget_of_connections(void **state)
{
	struct json_object *reply = NULL;
	__u64 start = clock_ns();
	struct control *c;

	(void)state;
	for (int round = 0; round < 4; round++) {
		for (int nr = 0; nr < SERVER_SLICE_ACCEPT; nr++) {
			assert_int_equal(control_open(&c, path), 0);
			control_close(c);
			serve();
		}
		assert_int_equal(control_open(&c, path), 0);
		assert_int_equal(send(control_fd(c), "x\n", 2, MSG_NOSIGNAL), 2);
		while (control_recv(c, 0, &reply) == -ETIMEDOUT)
			serve_for(10);
		json_object_put(reply);
		control_close(c);
		serve();
	}
	assert_true(clock_ns() - start >= 2 * SERVER_SLICE_NS);
}

/* Half a line, a reply that nobody reads: after a while the place is free again. */
static void the_slow_are_dropped(void **state)
{
	static const char request[] = "{\"verb\":\"vitals\"}\n";
	struct control *half = connect_one(), *deaf = connect_one(), *quiet = connect_one();
	__u64 start = clock_ns(), end = start + 3 * SERVER_PATIENCE_NS;
	struct json_object *reply = NULL;
	ssize_t sent;
	char byte;

	(void)state;
	assert_int_equal(send(control_fd(half), "{", 1, MSG_NOSIGNAL), 1);
	do {
		sent = send(control_fd(deaf), request, strlen(request),
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		serve();
	} while (sent > 0);
	while (clock_ns() < end && recv(control_fd(half), &byte, 1, MSG_DONTWAIT) < 0) {
		/* a byte now and then does not help */
		if (send(control_fd(half), " ", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		serve_for(SLICE_MS);
	}
	assert_in_range(clock_ns() - start, SERVER_PATIENCE_NS, 2 * SERVER_PATIENCE_NS);
	while (clock_ns() < end &&
	       send(control_fd(deaf), "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EAGAIN)
		serve_for(SLICE_MS);
	assert_int_equal(send(control_fd(deaf), "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT), -1);
	assert_int_equal(errno, EPIPE);
	/* who asks for nothing may stay as long as it likes */
	reply = ask_line(quiet, "{\"verb\":\"status\"}\n");
	json_object_put(reply);
	control_close(half);
	control_close(deaf);
	control_close(quiet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flood_goes_in_rounds),	  TEST(a_budget_of_requests),
		TEST(a_dear_request_counts_more), TEST(a_budget_of_connections),
		TEST(the_slow_are_dropped),
	};

	return cmocka_run_group_tests_name("server_budget", tests, NULL, NULL);
}
