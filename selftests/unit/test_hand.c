// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The hand: what it does, and that it does nothing else. Its process is looked at in the guest (privilege.sh, spread.sh). */
#include "undo_fixture.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "act/by_hand.h"
#include "hand/hand.h"

#define RING "ethtool:eth0/rings/rx"
#define RPS "/sys/class/net/eth0/queues/rx-0/rps_cpus"

static struct hand_request request(const char *path, const char *value)
{
	struct hand_request r = {.what = HAND_WRITE};

	snprintf(r.path, sizeof(r.path), "%s", path);
	snprintf(r.value, sizeof(r.value), "%s", value);
	return r;
}

static void its_table(void **state)
{
	static const char *const good[] = {RPS, "/sys/class/net/eth0/tx_queue_len",
					   "/sys/class/net/eth0.1/queues/tx-0/xps_cpus", RING,
					   "ethtool:eth0.1/channels/combined"};
	static const char *const bad[] = {"",
					  "/",
					  "rps_cpus",
					  "/sys/class/net/",
					  "/sys/class/net/eth0/mtu",
					  "/sys/class/net/eth0/../../../kernel/rps_cpus",
					  "/sys/class/net/eth0/./rps_cpus",
					  "/sys/class/net//rps_cpus",
					  "/sys/kernel/rps_cpus",
					  "/proc/sys/net/core/threaded",
					  "/sys/class/net/eth0/rps_cpus\n",
					  "/sys/class/net/\x80/rps_cpus",
					  "ethtool:eth0/rings/rx-max",
					  "ethtool:eth0/rings/mini",
					  "ethtool:../rings/rx",
					  "/ethtool:eth0/rings/rx"};
	struct hand_request r;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		r = request(good[i], "f");
		assert_true(hand_request_ok(&r, sizeof(r)));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		r = request(bad[i], "f");
		assert_false(hand_request_ok(&r, sizeof(r)));
	}
	r = request(RPS, "");
	assert_false(hand_request_ok(&r, sizeof(r)));
	r = request(RPS, "1\n2");
	assert_false(hand_request_ok(&r, sizeof(r)));
	r = request(RPS, "f");
	assert_false(hand_request_ok(&r, sizeof(r) - 1));
	memset(r.value, 'f', sizeof(r.value)); /* no end */
	assert_false(hand_request_ok(&r, sizeof(r)));
	r = request(RPS, "f");
	memset(r.path + strlen(r.path), 'x', sizeof(r.path) - strlen(r.path));
	assert_false(hand_request_ok(&r, sizeof(r)));
	r = request(RING, "512");
	r.what = 2;
	assert_false(hand_request_ok(&r, sizeof(r)));
	/* read is what is in no file, and nothing is brought with it */
	r.what = HAND_READ;
	assert_false(hand_request_ok(&r, sizeof(r)));
	r = request("ethtool:eth0/rings/rx-max", "");
	r.what = HAND_READ;
	assert_true(hand_request_ok(&r, sizeof(r)));
	r.value[sizeof(r.value) - 1] = 1;
	assert_false(hand_request_ok(&r, sizeof(r)));
	r = request(RPS, "");
	r.what = HAND_READ;
	assert_false(hand_request_ok(&r, sizeof(r)));
}

static struct hand_answer answer;

static int ask(int fd, const void *message, size_t size)
{
	assert_int_equal(send(fd, message, size, 0), size);
	assert_int_equal(recv(fd, &answer, sizeof(answer), 0), sizeof(answer));
	return answer.err;
}

static void serves(void **state)
{
	struct hand_request r = request(RPS, "f");
	int fds[2], status;
	pid_t pid;

	(void)state;
	tree_put(root, RPS, "0\n");
	tree_put(root, "/sys/class/net/eth0/mtu", "1500\n");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		hand_serve(fds[1], root);
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(ask(fds[0], &r, sizeof(r)), 0);
	holds(RPS, "f");
	/* what makes no sense changes nothing, and does not end it */
	assert_int_equal(ask(fds[0], "hello", 5), -EPERM);
	r = request("/sys/class/net/eth0/mtu", "9000");
	assert_int_equal(ask(fds[0], &r, sizeof(r)), -EPERM);
	holds("/sys/class/net/eth0/mtu", "1500");
	r = request("/sys/class/net/eth1/tx_queue_len", "1");
	assert_int_equal(ask(fds[0], &r, sizeof(r)), -ENOENT);
	/* a card's settings are read, too */
	tree_put(root, "/" RING, "256\n");
	r = request(RING, "512");
	assert_int_equal(ask(fds[0], &r, sizeof(r)), 0);
	holds("/" RING, "512");
	r = request(RING, "");
	r.what = HAND_READ;
	assert_int_equal(ask(fds[0], &r, sizeof(r)), 0);
	assert_string_equal(answer.value, "512");
	r = request("ethtool:eth1/rings/rx", "");
	r.what = HAND_READ;
	assert_int_equal(ask(fds[0], &r, sizeof(r)), -ENOENT);
	assert_string_equal(answer.value, "");
	/* with the daemon's end it is over */
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
}

static int written;

static int somebody(const char *r, const char *path, const char *text)
{
	written++;
	return write_file(r, path, text);
}

/* All of the undo table's writing goes through whoever writes. */
static void who_writes(void **state)
{
	(void)state;
	written = 0;
	place_by(&(const struct place_helper){place_read_self, somebody});
	assert_true(change_file(undo.table, root, 0, SWAPPINESS, "10") >= 0);
	assert_int_equal(written, 1);
	assert_int_equal(replay(), 0);
	assert_int_equal(written, 2);
	holds(SWAPPINESS, "60");
	place_by(NULL);
	assert_int_equal(
		change_undo(undo.table, root, change_file(undo.table, root, 0, SWAPPINESS, "10")),
		0);
	assert_int_equal(written, 2);
	by_hand_stop(); /* there is none */
}

/* A real one, asked by undo table and knowledge base as the daemon does; of a card that is nobody's. */
static void asked(void **state)
{
	char value[16];
	int index;

	(void)state;
	/* a socket of the daemon's own, from putting back what was left, is none of the hand's */
	assert_int_equal(place_read("", "ethtool:nonesuch/rings/rx", value, sizeof(value)),
			 -ENODEV);
	if (by_hand_start(&undo)) /* no CAP_NET_ADMIN: then cards are refused, and nothing else */
		assert_int_equal(place_read("", "ethtool:nonesuch/rings/rx", value, sizeof(value)),
				 -EPERM);
	else
		assert_int_equal(place_read("", "ethtool:nonesuch/rings/rx", value, sizeof(value)),
				 -ENODEV);
	assert_int_equal(place_read("", "ethtool:eth0/rings/mini", value, sizeof(value)), -EINVAL);
	assert_int_equal(place_read("", "ethtool:a+b/rings/rx", value, sizeof(value)), -EINVAL);
	assert_int_equal(place_write("", "ethtool:eth0/rings/rx-max", "1"), -EPERM);
	assert_true(place_read("", "/proc/self/comm", value, sizeof(value)) > 0);
	/* below a root nobody is asked */
	tree_put(root, "/" RING, "256\n");
	index = change_file(undo.table, root, 0, RING, "512");
	assert_true(index >= 0);
	holds("/" RING, "512");
	assert_int_equal(change_undo(undo.table, root, index), 0);
	holds("/" RING, "256");
	by_hand_stop();
}

/* The only child of this process. */
static pid_t child_of_ours(void)
{
	FILE *f = fopen("/proc/thread-self/children", "re");
	int pid = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	fclose(f);
	return pid;
}

/* The kernel, or a driver, does not answer: nobody waits for long, and a late answer is not taken for another one's. */
static void hangs(void **state)
{
	char value[16];
	pid_t hand;

	(void)state;
	if (by_hand_start(&undo))
		skip(); /* no CAP_NET_ADMIN */
	hand = child_of_ours();
	assert_int_equal(kill(hand, SIGSTOP), 0);
	assert_int_equal(place_read("", "ethtool:nonesuch/rings/rx", value, sizeof(value)),
			 -EAGAIN);
	assert_int_equal(place_read("", "ethtool:nonesuch/rings/rx", value, sizeof(value)),
			 -EAGAIN);
	assert_int_equal(place_write("", "ethtool:nonesuch/rings/rx", "1"), -EAGAIN);
	assert_int_equal(kill(hand, SIGCONT), 0);
	while (place_read("", "ethtool:nonesuch/rings/rx", value, sizeof(value)) == -EAGAIN)
		; /* what is owed comes when it comes */
	assert_int_equal(place_read("", "ethtool:nonesuch/rings/rx", value, sizeof(value)),
			 -ENODEV);
	/* nor for a write */
	by_hand_wait(0);
	assert_int_equal(kill(hand, SIGSTOP), 0);
	assert_int_equal(place_write("", "ethtool:nonesuch/rings/rx", "1"), -EINPROGRESS);
	by_hand_wait(20);
	assert_int_equal(place_write("", "ethtool:nonesuch/rings/rx", "1"), -EAGAIN);
	assert_int_equal(place_read("", "ethtool:nonesuch/rings/rx", value, sizeof(value)),
			 -EAGAIN);
	assert_int_equal(kill(hand, SIGCONT), 0);
	by_hand_wait(20000);
	/* of a device that is there and has no rings: another error than what is owed */
	assert_int_equal(place_read("", "ethtool:lo/rings/rx", value, sizeof(value)), -EOPNOTSUPP);
	assert_int_equal(place_read("", "ethtool:nonesuch/rings/rx", value, sizeof(value)),
			 -ENODEV);
	assert_false(by_hand_lost());
	by_hand_stop();
}

/* It dies alone: found out when it is asked, said, and from then on there is none. */
static void dies(void **state)
{
	char value[16];

	(void)state;
	if (by_hand_start(&undo))
		skip(); /* no CAP_NET_ADMIN */
	assert_false(by_hand_lost());
	assert_int_equal(kill(child_of_ours(), SIGKILL), 0);
	assert_int_equal(place_read("", "ethtool:nonesuch/rings/rx", value, sizeof(value)), -EPIPE);
	assert_true(by_hand_lost());
	assert_int_equal(place_read("", "ethtool:nonesuch/rings/rx", value, sizeof(value)), -EPERM);
	by_hand_stop();
}

int main(void)
{
#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {TEST(its_table), TEST(serves), TEST(who_writes),
					   TEST(asked),	    TEST(hangs),  TEST(dies)};

	return cmocka_run_group_tests_name("hand", tests, NULL, NULL);
}
