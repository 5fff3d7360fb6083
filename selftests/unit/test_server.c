// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The control protocol: who may what, and what is answered. */
#include "server_fixture.h"

#include <sys/file.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "names.h"

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
	vitals[HS_VITAL_ENERGY_BYTE] =
		(struct hs_vital){.value = 9, .present = 1, .updated_ns = 1, .estimated = 1};
	reply = ask_line(c, "{\"verb\":\"status\"}\n");
	assert_int_equal(js_get_obj(reply, "tripped", &part), 0);
	assert_string_equal(js_str(part, "reason"), "heartbeat");
	json_object_put(reply);
	reply = ask_line(c, "{\"verb\":\"vitals\"}\n");
	assert_int_equal(js_get_array(reply, "vitals", &part), 0);
	assert_int_equal(json_object_array_length(part), HS_VITAL_NR);
	assert_int_equal(js_u64(json_object_array_get_idx(part, 0), "value"), 7);
	assert_true(js_is_null(json_object_array_get_idx(part, 0), "estimated"));
	assert_true(js_bool(json_object_array_get_idx(part, HS_VITAL_ENERGY_BYTE), "estimated"));
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
		TEST(the_lock_decides),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
