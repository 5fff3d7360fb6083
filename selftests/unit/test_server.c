// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The control protocol, both sides in one process; the verbs on a kernel that is only memory. */
#include "fixture.h"

#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "clock.h"
#include "control.h"
#include "daemon.h"
#include "json.h"
#include "names.h"

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

static struct json_object *answer(void *ctx, struct json_object *request, struct peer *peer)
{
	peer->uid = pretend;
	answered++;
	return verb_answer(ctx, request, peer);
}

static int setup(void **state)
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

static int teardown(void **state)
{
	(void)state;
	server_close(server);
	close(epoll_fd);
	profile_free(&d.policy.profile);
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

static struct json_object *ask_line(struct control *c, const char *line)
{
	struct json_object *reply = NULL;

	assert_int_equal(send(control_fd(c), line, strlen(line), MSG_NOSIGNAL), strlen(line));
	serve();
	assert_int_equal(control_recv(c, 1000, &reply), 0);
	return reply;
}

static struct control *connect_one(void)
{
	struct control *c;

	assert_int_equal(control_open(&c, path), 0);
	serve();
	return c;
}

static void expect(const char *line, bool ok, const char *error, int number)
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

static void refuses_what_is_wrong(void **state)
{
	(void)state;
	expect("rubbish\n", false, "not a JSON object", EINVAL);
	expect("{}\n", false, "unknown verb", ENOSYS);
	expect("{\"verb\":\"dance\"}\n", false, "unknown verb 'dance'", ENOSYS);
	expect("{\"verb\":7}\n", false, "unknown verb", ENOSYS);
	expect("{\"verb\":\"status\",\"x\":1}\n", false, "no argument 'x'", EINVAL);
	expect("{\"verb\":\"explain\",\"knob\":\"x\"}\n", false, "unknown knob 'x'", ENOENT);
	expect("{\"verb\":\"events\",\"n\":\"x\"}\n", false, "expected n", EINVAL);
	expect("{\"verb\":\"mode\",\"mode\":\"dance\"}\n", false, "observe, advise or act", EINVAL);
	expect("{\"verb\":\"wish\",\"knob\":\"sched.slice.batch_us\"}\n", false, "value is missing",
	       EINVAL);
	expect("{\"verb\":\"wish\",\"knob\":\"sched.slice.batch_us\",\"value\":1}\n", false,
	       "expected 500 us to 100 ms", ERANGE);
	expect("{\"verb\":\"profile_load\",\"path\":\"x\"}\n", false, "not absolute", EINVAL);
	expect("{\"verb\":\"reload\"}\n", false, "no profile file", ENOENT);
	/* the fault build has it, and no other */
	expect("{\"verb\":\"fault\",\"what\":\"hang\"}\n", false, "unknown verb 'fault'", ENOSYS);
	expect("{\"verb\":\"arm\"}\n", false, "mode is observe", EPERM);
}

static void only_root_changes(void **state)
{
	static const char *const changes[] = {"mode", "arm",	"disarm",	"trip",
					      "wish", "unwish", "profile_load", "reload"};
	char line[64];

	(void)state;
	pretend = 1000;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		snprintf(line, sizeof(line), "{\"verb\":\"%s\"}\n", changes[i]);
		expect(line, false, "for root", EPERM);
	}
	expect("{\"verb\":\"status\"}\n", true, "", 0);
	expect("{\"verb\":\"knobs\"}\n", true, "", 0);
}

static void reads(void **state)
{
	struct control *c = connect_one();
	struct json_object *reply, *part;

	(void)state;
	reply = ask_line(c, "{\"verb\":\"status\"}\n");
	assert_string_equal(js_str(reply, "mode"), "observe");
	assert_int_equal(js_u64(reply, "abi"), HS_ABI_VERSION);
	assert_true(js_is_null(reply, "tripped"));
	json_object_put(reply);
	gate.trip_reason = HS_TRIP_HEARTBEAT;
	gate.trip_ns = 5;
	vitals[0] = (struct hs_vital){.value = 7, .present = 1, .updated_ns = 1};
	reply = ask_line(c, "{\"verb\":\"status\"}\n");
	assert_int_equal(js_get_obj(reply, "tripped", &part), 0);
	assert_string_equal(js_str(part, "reason"), "heartbeat");
	json_object_put(reply);
	reply = ask_line(c, "{\"verb\":\"vitals\"}\n");
	assert_int_equal(js_get_array(reply, "vitals", &part), 0);
	assert_int_equal(json_object_array_length(part), HS_VITAL_NR);
	assert_int_equal(js_u64(json_object_array_get_idx(part, 0), "value"), 7);
	/* absent is absent, not 0 */
	assert_true(js_is_null(json_object_array_get_idx(part, 1), "value"));
	json_object_put(reply);
	/* two requests in one packet: two replies */
	reply = ask_line(c, "{\"verb\":\"knobs\"}\n{\"verb\":\"explain\",\"knob\":"
			    "\"sched.slice.batch_us\"}\n");
	assert_int_equal(js_get_array(reply, "knobs", &part), 0);
	assert_int_equal(js_u64(json_object_array_get_idx(part, HS_KNOB_SLICE_BATCH), "value"),
			 5000);
	json_object_put(reply);
	assert_int_equal(control_recv(c, 1000, &reply), 0);
	assert_string_equal(js_str(reply, "cause"), "stock");
	json_object_put(reply);
	control_close(c);
}

static void explains_a_rule(void **state)
{
	static const char text[] =
		"name: a\nrules:\n  - { when: sched.wait.normal.p99_ns, low: 1ms, high: 2ms,\n"
		"      knob: sched.slice.batch_us, kind: aimd, up: 50%, down: 1ms }\n";
	struct control *c = connect_one();
	struct json_object *reply, *rule;
	char error[256];

	(void)state;
	assert_int_equal(
		profile_parse(&d.policy.profile, "p", text, strlen(text), error, sizeof(error)), 0);
	knobs[HS_KNOB_SLICE_BATCH] =
		(struct hs_knob){.value = 2500, .gen = 1, .cause = HS_CAUSE_REFLEX};
	reply = ask_line(c, "{\"verb\":\"explain\",\"knob\":\"sched.slice.batch_us\"}\n");
	assert_int_equal(js_u64(reply, "value"), 2500);
	assert_string_equal(js_str(reply, "profile"), "a");
	assert_int_equal(js_u64(reply, "rule_index"), 0);
	assert_int_equal(js_get_obj(reply, "rule", &rule), 0);
	assert_string_equal(js_str(rule, "when"), "sched.wait.normal.p99_ns");
	json_object_put(reply);
	control_close(c);
}

static void a_wish_is_written(void **state)
{
	(void)state;
	expect("{\"verb\":\"wish\",\"knob\":\"sched.slice.batch_us\",\"value\":7000}\n", true, "",
	       0);
	assert_int_equal(wishes[HS_KNOB_SLICE_BATCH].value, 7000);
	assert_int_equal(wishes[HS_KNOB_SLICE_BATCH].cause, HS_CAUSE_WISH);
	assert_int_equal(wishes[HS_KNOB_SLICE_BATCH].gen, 1);
	expect("{\"verb\":\"unwish\",\"knob\":\"sched.slice.batch_us\"}\n", true, "", 0);
	assert_int_equal(wishes[HS_KNOB_SLICE_BATCH].value, 5000);
	assert_int_equal(wishes[HS_KNOB_SLICE_BATCH].gen, 2);
}

/* The verb is for everybody; a figure is for one of them. */
static void a_report_has_one_reporter(void **state)
{
	static const char text[] = "name: a\nslo: [ { report: late, max: 10, for: 2s } ]\n";
	struct json_object *reply, *rows, *row;
	struct control *c;
	char error[256];

	(void)state;
	assert_int_equal(
		profile_parse(&d.policy.profile, "p", text, strlen(text), error, sizeof(error)), 0);
	judge_set(&d);
	pretend = 900;
	expect("{\"verb\":\"report\",\"name\":\"late\"}\n", false, "value is missing", EINVAL);
	expect("{\"verb\":\"report\",\"name\":\"early\",\"value\":9}\n", false, "'early'", ENOENT);
	expect("{\"verb\":\"report\",\"name\":\"late\",\"value\":9}\n", true, "", 0);
	pretend = 901;
	expect("{\"verb\":\"report\",\"name\":\"late\",\"value\":99}\n", false,
	       "another user reports 'late'", EBUSY);
	slo_look(&d.judge.slo, &d.policy.profile, vitals, false, clock_ns());
	c = connect_one();
	reply = ask_line(c, "{\"verb\":\"status\"}\n");
	assert_int_equal(js_get_array(reply, "slo", &rows), 0);
	row = json_object_array_get_idx(rows, 0);
	assert_int_equal(js_u64(row, "value"), 9);
	assert_int_equal(js_u64(row, "uid"), 900);
	assert_int_equal(js_u64(row, "pid"), getpid());
	json_object_put(reply);
	control_close(c);
}

static void follows(void **state)
{
	struct control *c = connect_one();
	struct hs_event event = {.type = HS_EVENT_TRIP, .id = HS_TRIP_OPERATOR, .ts_ns = 9};
	struct json_object *line = event_json(&event), *reply;
	int i;

	(void)state;
	assert_false(server_followed(server));
	reply = ask_line(c, "{\"verb\":\"events\",\"follow\":true,\"n\":0}\n");
	json_object_put(reply);
	assert_true(server_followed(server));
	server_broadcast(server, line);
	assert_int_equal(control_recv(c, 1000, &reply), 0);
	assert_string_equal(js_str(reply, "trip"), "operator");
	json_object_put(reply);
	/* who does not read is dropped, and costs nobody else anything */
	for (i = 0; i < 100000 && server_followed(server); i++)
		server_broadcast(server, line);
	assert_false(server_followed(server));
	json_object_put(line);
	control_close(c);
}

static void bounds_clients_and_lines(void **state)
{
	struct control *c[SERVER_CLIENTS], *extra;
	struct json_object *reply;
	int places = getuid() ? SERVER_CLIENTS_UID : SERVER_CLIENTS;
	char junk[CONTROL_REQUEST_MAX];

	(void)state;
	for (int i = 0; i < places; i++) {
		c[i] = connect_one();
		json_object_put(ask_line(c[i], i ? "{\"verb\":\"events\",\"follow\":true,\"n\":0}\n"
						 : "{\"verb\":\"status\"}\n"));
	}
	/* one more takes the place of who asks for nothing and follows nothing */
	extra = connect_one();
	assert_int_equal(control_recv(c[0], 1000, &reply), -EPIPE);
	control_close(c[0]);
	json_object_put(ask_line(extra, "{\"verb\":\"events\",\"follow\":true,\"n\":0}\n"));
	c[0] = extra;
	/* of one's own followers none goes */
	extra = connect_one();
	assert_int_equal(control_recv(extra, 1000, &reply), -EPIPE);
	control_close(extra);
	/* a request without end costs the connection */
	memset(junk, ' ', sizeof(junk));
	assert_int_equal(send(control_fd(c[0]), junk, sizeof(junk), MSG_NOSIGNAL), sizeof(junk));
	serve();
	assert_int_equal(control_recv(c[0], 1000, &reply), -EPIPE);
	for (int i = 0; i < places; i++)
		control_close(c[i]);
	serve();
	extra = connect_one();
	json_object_put(ask_line(extra, "{\"verb\":\"status\"}\n"));
	control_close(extra);
}

/* Those who may only look take no place that root needs. The client is a child without root. */
static void root_gets_in(void **state)
{
	int ready[2], rest[2], status;
	struct control *c;
	char byte;
	pid_t pid;

	(void)state;
	if (getuid())
		skip();
	assert_int_equal(chmod(root, 0755) | chmod(path, 0666), 0);
	assert_int_equal(pipe(ready) | pipe(rest), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(rest[1]);
		if (setuid(65534))
			_exit(1);
		for (int i = 0; i < SERVER_CLIENTS; i++) {
			if (control_open(&c, path))
				_exit(2);
		}
		_exit(write(ready[1], "", 1) == 1 && read(rest[0], &byte, 1) == 0 ? 0 : 3);
	}
	close(rest[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	serve();
	c = connect_one();
	json_object_put(ask_line(c, "{\"verb\":\"status\"}\n"));
	control_close(c);
	close(rest[1]);
	close(ready[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	serve();
}

/* A daemon that hangs, its queue full: it counts as one, and nobody waits for it for ever. */
static void a_full_queue(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct server *second = NULL;
	int fd, client[3];

	(void)state;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/full.sock", root);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 0), 0);
	for (int i = 0; i < 3; i++) {
		client[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(client[i], (struct sockaddr *)&addr, sizeof(addr)))
			assert_int_equal(errno, EAGAIN);
	}
	assert_int_equal(server_open(&second, addr.sun_path, epoll_fd, 200, answer, &d),
			 -EADDRINUSE);
	for (int i = 0; i < 3; i++)
		close(client[i]);
	close(fd);
}

/* Each request is progress: a packet full of them is no stall. */
static void a_request_is_progress(void **state)
{
	(void)state;
	d.heartbeat.busy_since_ns = 1;
	expect("{\"verb\":\"status\"}\n", true, "", 0);
	assert_true(d.heartbeat.busy_since_ns > 1);
}

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

/* Two that start at the same instant: the lock decides, whatever the socket looks like. */
static void the_lock_decides(void **state)
{
	char lock[128], other[96];
	struct server *second = NULL;
	int fd;

	(void)state;
	snprintf(other, sizeof(other), "%s/run/other.sock", root);
	snprintf(lock, sizeof(lock), "%s.lock", other);
	fd = open(lock, O_RDWR | O_CREAT, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(server_open(&second, other, epoll_fd, 200, answer, &d), -EADDRINUSE);
	assert_int_equal(access(other, F_OK), -1);
	close(fd);
	assert_int_equal(server_open(&second, other, epoll_fd, 200, answer, &d), 0);
	/* the path is another's by now: it is not ours to remove */
	assert_int_equal(unlink(other), 0);
	tree_put(root, "/run/other.sock", "another's");
	server_close(second);
	assert_int_equal(access(other, F_OK), 0);
}

static void one_daemon_per_socket(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct server *second = NULL;
	char long_path[200] = "";
	struct control *c;
	int fd;

	(void)state;
	assert_int_equal(server_open(&second, path, epoll_fd, 200, answer, &d), -EADDRINUSE);
	assert_int_equal(access(path, F_OK), 0); /* not ours to remove */
	/* the socket of a daemon that died is taken over */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/dead.sock", root);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(server_open(&second, addr.sun_path, epoll_fd, 200, answer, &d), 0);
	server_close(second);
	assert_int_equal(access(addr.sun_path, F_OK), -1);
	tree_put(root, "/file", "no socket");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/file", root);
	assert_int_equal(server_open(&second, addr.sun_path, epoll_fd, 200, answer, &d), -EEXIST);
	memset(long_path, 'x', sizeof(long_path) - 1);
	assert_int_equal(server_open(&second, long_path, epoll_fd, 200, answer, &d), -ENAMETOOLONG);
	assert_int_equal(control_open(&c, long_path), -ENAMETOOLONG);
	/* the runtime directory is ours alone, or we do not go there */
	tree_put(root, "/open", NULL);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/open", root);
	assert_int_equal(chmod(addr.sun_path, 0777), 0);
	strcat(addr.sun_path, "/x.sock");
	assert_int_equal(server_open(&second, addr.sun_path, epoll_fd, 200, answer, &d), -EPERM);
	server_close(NULL);
}

/* Who could put another socket there could be taken for us. */
static void a_directory_of_ours_alone(void **state)
{
	struct server *second = NULL;
	char other[96], link[96];

	(void)state;
	snprintf(other, sizeof(other), "%s/open", root);
	tree_put(root, "/open", NULL);
	assert_int_equal(chmod(other, 01777), 0);
	strcat(other, "/x.sock");
	assert_int_equal(server_open(&second, other, epoll_fd, 200, answer, &d), -EPERM);
	assert_int_equal(access(other, F_OK), -1);
	snprintf(other, sizeof(other), "%s/run", root);
	snprintf(link, sizeof(link), "%s/link", root);
	assert_int_equal(symlink(other, link), 0);
	strcat(link, "/x.sock");
	assert_int_equal(server_open(&second, link, epoll_fd, 200, answer, &d), -ENOTDIR);
	snprintf(other, sizeof(other), "%s/no/such/x.sock", root);
	assert_int_equal(server_open(&second, other, epoll_fd, 200, answer, &d), -ENOENT);
}

static void a_silent_daemon(void **state)
{
	struct control *c = connect_one();
	struct json_object *reply = NULL, *request = control_request("status");
	char text[CONTROL_REQUEST_MAX + 1];

	(void)state;
	assert_int_equal(control_recv(c, 0, &reply), -ETIMEDOUT);
	assert_int_equal(control_send(c, request), 0);
	json_object_put(request);
	control_close(c);
	serve();
	assert_int_equal(control_open(&c, "/nonexistent/socket"), -ENOENT);
	control_close(NULL);
	/* a request that is too long for one line is not sent */
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	c = connect_one();
	request = control_request(text);
	assert_int_equal(control_send(c, request), -EMSGSIZE);
	json_object_put(request);
	control_close(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_what_is_wrong),
		TEST(only_root_changes),
		TEST(reads),
		TEST(explains_a_rule),
		TEST(a_wish_is_written),
		TEST(a_report_has_one_reporter),
		TEST(follows),
		TEST(bounds_clients_and_lines),
		TEST(one_daemon_per_socket),
		TEST(a_directory_of_ours_alone),
		TEST(a_silent_daemon),
		TEST(root_gets_in),
		TEST(a_full_queue),
		TEST(a_request_is_progress),
		TEST(a_flood_goes_in_rounds),
		TEST(the_lock_decides),
		TEST(a_budget_of_requests),
		TEST(a_dear_request_counts_more),
		TEST(a_budget_of_connections),
		TEST(the_slow_are_dropped),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
