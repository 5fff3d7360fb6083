// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The historian against a daemon that a child plays: what it writes down, and what it does where the daemon or the database is gone. */
#include "history_fixture.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../../user/history/historian.h"
#include "../../user/history/store.h"
#include "../../user/lib/log.h"

static char dir[64], db[96], sock[96], root[64];
static struct historian historian;
static pid_t played;

static const char vitals[] =
	"{\"ok\":true,\"vitals\":[{\"name\":\"net.packets_hz\",\"unit\":\"hz\",\"present\":true,"
	"\"value\":250,\"ewma\":240,\"peak\":300,\"age_ns\":5,\"meaning\":\"packets\"},"
	"{\"name\":\"pmu.ipc_permille\",\"unit\":\"permille\",\"present\":false}],\"cpus\":[]}\n";
static const char changes[] =
	"{\"ok\":true,\"changes\":[{\"id\":4,\"state\":\"committed\",\"source\":\"person\","
	"\"uid\":0,\"why\":\"fine\",\"reason\":\"because\",\"risk\":1,\"timing\":\"immediate\","
	"\"made_ns\":5,\"at_ns\":9,\"parameters\":[{\"parameter\":\"vm.swappiness\",\"path\":"
	"\"/proc/sys/vm/swappiness\",\"from\":\"60\",\"to\":\"10\"}]}],\"kept\":[]}\n";
static const char refused[] = "{\"ok\":false,\"error\":\"no such verb\",\"errno\":22}\n";

static void answer(int fd)
{
	char request[4096];
	FILE *in = fdopen(fd, "r");

	while (in && fgets(request, sizeof(request), in)) {
		const char *reply = strstr(request, "vitals")	 ? vitals
				    : strstr(request, "changes") ? changes
								 : refused;

		if (write(fd, reply, strlen(reply)) < 0)
			break;
	}
	if (in)
		fclose(in);
}

static void daemon_start(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(addr.sun_path, sock);
	unlink(sock);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	played = fork();
	assert_true(played >= 0);
	if (!played)
		for (;;)
			answer(accept(fd, NULL, NULL));
	close(fd);
}

static void daemon_stop(void)
{
	kill(played, SIGKILL);
	waitpid(played, NULL, 0);
	played = 0;
	unlink(sock);
}

static int setup(void **state)
{
	(void)state;
	history_dir(dir);
	tree_make(root);
	tree_put(root, "/proc/sys/kernel/random/boot_id", BOOT "\n");
	snprintf(db, sizeof(db), "%s/history.db", dir);
	snprintf(sock, sizeof(sock), "%s/s", dir);
	historian = (struct historian){.db = db, .socket = sock, .root = root};
	assert_int_equal(historian_open(&historian), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (played)
		daemon_stop();
	historian_close(&historian);
	tree_free(dir);
	tree_free(root);
	return 0;
}

static void step(__u64 second)
{
	assert_int_equal(historian_step(&historian, at_s(T0 + second)), 0);
}

static __u64 samples(void)
{
	struct json_object *raw = raw_of(historian.history, "net.packets_hz", T0, T0 + 300);
	__u64 nr = 0;

	assert_non_null(raw);
	for (size_t i = 0; i < json_object_array_length(raw); i++)
		nr += !!json_object_array_get_idx(raw, i);
	json_object_put(raw);
	return nr;
}

static void writes_down(void **state)
{
	struct json_object *array;

	(void)state;
	daemon_start();
	for (__u64 s = 0; s < 30; s++)
		step(s);
	historian_close(&historian);
	assert_int_equal(historian_open(&historian), 0);
	/* also what had not been written when it ended */
	assert_int_equal(samples(), 30);
	array = history_read_changes(historian.history, 0, "vm.swappiness", 10);
	assert_int_equal(json_object_array_length(array), 1);
	assert_string_equal(js_str(json_object_array_get_idx(array, 0), "boot_id"), BOOT);
	json_object_put(array);
}

/* The daemon is not there yet, goes, and comes again. */
static void outlives_the_daemon(void **state)
{
	(void)state;
	for (__u64 s = 0; s < 20; s++)
		step(s);
	assert_true(historian.away);
	daemon_start();
	for (__u64 s = 20; s < 40; s++)
		step(s);
	assert_false(historian.away);
	daemon_stop();
	for (__u64 s = 40; s < 60; s++)
		step(s);
	assert_true(historian.away);
	daemon_start();
	for (__u64 s = 60; s < 80; s++)
		step(s);
	assert_int_equal(feed_flush(historian.feed), 0);
	/* it tries again after 5 s at the latest */
	assert_in_range(samples(), 30, 40);
}

static void begins_anew_where_it_is_damaged(void **state)
{
	char aside[128];
	FILE *f;

	(void)state;
	daemon_start();
	for (__u64 s = 0; s < 15; s++)
		step(s);
	f = fopen(db, "r+");
	for (int i = 0; i < 12 * 4096; i++)
		fputc(i * 7, f);
	fclose(f);
	for (__u64 s = 15; s < 60; s++)
		step(s);
	snprintf(aside, sizeof(aside), "%s" HISTORY_ASIDE, db);
	assert_int_equal(access(aside, F_OK), 0);
	assert_int_equal(feed_flush(historian.feed), 0);
	assert_in_range(samples(), 20, 45);
}

/* A file that stays locked, or a disk that stays full: it ends after a minute. */
static void gives_up_after_a_minute(void **state)
{
	sqlite3 *other;
	int err = 0;
	__u64 s;

	(void)state;
	daemon_start();
	for (s = 0; s < 20; s++)
		step(s);
	sqlite3_busy_timeout(historian.history->db, 0);
	assert_int_equal(sqlite3_open(db, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (; s < 300 && !err; s++)
		err = historian_step(&historian, at_s(T0 + s));
	assert_int_equal(err, -EBUSY);
	assert_in_range(s, 20 + HISTORIAN_FAILURES, 20 + HISTORIAN_FAILURES + 15);
	assert_non_null(strstr(history_error(historian.history), "locked"));
	sqlite3_close(other);
	/* what is still in memory is not lost */
	assert_int_equal(feed_flush(historian.feed), 0);
	assert_int_equal(samples(), s);
}

static void needs_a_place(void **state)
{
	struct historian other = {.db = "/nonexistent/history.db", .socket = sock, .root = root};

	(void)state;
	assert_int_not_equal(historian_open(&other), 0);
	historian_close(&other);
	other.root = "/nonexistent";
	assert_int_equal(historian_open(&other), -ENOENT);
	historian_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_down, setup, teardown),
		cmocka_unit_test_setup_teardown(outlives_the_daemon, setup, teardown),
		cmocka_unit_test_setup_teardown(begins_anew_where_it_is_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_up_after_a_minute, setup, teardown),
		cmocka_unit_test_setup_teardown(needs_a_place, setup, teardown),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
