// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * Settings of network cards: which there are, what is sent, what is made of an answer. The kernel is a socket that has its answers
 * already; they were recorded from a 7.3 kernel with a virtio card and a tap device. Real cards: ethtool.sh in the guest.
 */
#include "fixture.h"

#include <sys/socket.h>

#include "ethtool.h"
#include "place.h"

#define FAMILY 22 /* what the kernel that was recorded calls it */

static int theirs; /* the kernel's end */

static int setup(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	theirs = fds[1];
	ethtool_use(fds[0], FAMILY);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ethtool_close();
	close(theirs);
	return 0;
}

static size_t bytes_of(const char *hex, unsigned char *bytes)
{
	size_t nr = 0;
	int skip;

	for (unsigned int byte; sscanf(hex, "%2x %n", &byte, &skip) == 1; hex += skip)
		bytes[nr++] = (unsigned char)byte;
	return nr;
}

/* The kernel answers so when it is asked next. */
static void answer(const char *hex)
{
	unsigned char bytes[512];
	size_t nr = bytes_of(hex, bytes);

	assert_int_equal(send(theirs, bytes, nr, 0), nr);
}

/* What it was asked. */
static void asked(const char *hex)
{
	unsigned char bytes[512], got[512];
	size_t nr = bytes_of(hex, bytes);

	assert_int_equal(recv(theirs, got, sizeof(got), MSG_DONTWAIT), nr);
	assert_memory_equal(got, bytes, nr);
}

static void nothing_asked(void)
{
	char got[16];

	assert_int_equal(recv(theirs, got, sizeof(got), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

#define GET_RINGS                                                                                  \
	"24 00 00 00 16 00 01 00 01 00 00 00 00 00 00 00 0f 01 00 00 "                             \
	"10 00 01 80 09 00 02 00 65 74 68 30 00 00 00 00"
/* rings of eth0: 1024 (of 1024) to receive, 256 (of 256) to send; two flags of one byte */
#define RINGS                                                                                      \
	"5c 00 00 00 16 00 00 00 01 00 00 00 7b 00 00 00 10 01 00 00 "                             \
	"18 00 01 80 08 00 01 00 02 00 00 00 09 00 02 00 65 74 68 30 00 00 00 00 "                 \
	"08 00 02 00 00 04 00 00 08 00 06 00 00 04 00 00 08 00 05 00 00 01 00 00 "                 \
	"08 00 09 00 00 01 00 00 05 00 0d 00 00 00 00 00 05 00 0e 00 00 00 00 00"
#define COALESCING /* of eth0: adaptive-rx 0, rx-usecs 0, rx-frames 1 */                           \
	"54 00 00 00 16 00 00 00 01 00 00 00 7b 00 00 00 14 01 00 00 "                             \
	"18 00 01 80 08 00 01 00 02 00 00 00 09 00 02 00 65 74 68 30 00 00 00 00 "                 \
	"08 00 02 00 00 00 00 00 08 00 03 00 01 00 00 00 08 00 06 00 00 00 00 00 "                 \
	"08 00 07 00 01 00 00 00 05 00 0b 00 00 00 00 00"
#define COALESCING_TAP /* of tap0: nothing but rx-frames */                                        \
	"34 00 00 00 16 00 00 00 01 00 00 00 7b 00 00 00 14 01 00 00 "                             \
	"18 00 01 80 08 00 01 00 04 00 00 00 09 00 02 00 74 61 70 30 00 00 00 00 "                 \
	"08 00 03 00 10 00 00 00"
#define ACK                                                                                        \
	"24 00 00 00 02 00 00 01 01 00 00 00 7b 00 00 00 00 00 00 00 "                             \
	"2c 00 00 00 16 00 05 00 01 00 00 00 00 00 00 00"
/* beyond the driver's maximum: EINVAL, and the request again */
#define REFUSED                                                                                    \
	"40 00 00 00 02 00 00 00 01 00 00 00 7b 00 00 00 ea ff ff ff "                             \
	"2c 00 00 00 16 00 05 00 01 00 00 00 00 00 00 00 10 01 00 00 "                             \
	"10 00 01 80 09 00 02 00 65 74 68 30 00 00 00 00 08 00 06 00 00 08 00 00"
#define NO_SUCH /* EOPNOTSUPP */                                                                   \
	"38 00 00 00 02 00 00 00 01 00 00 00 7b 00 00 00 a1 ff ff ff "                             \
	"24 00 00 00 16 00 01 00 01 00 00 00 00 00 00 00 0f 01 00 00 "                             \
	"10 00 01 80 09 00 02 00 74 61 70 30 00 00 00 00"
#define NO_CARD "24 00 00 00 02 00 00 00 01 00 00 00 7b 00 00 00 ed ff ff ff " ZEROS
#define ZEROS "24 00 00 00 16 00 01 00 01 00 00 00 00 00 00 00"

static void names(void **state)
{
	static const char *const write[] = {"ethtool:eth0/rings/rx", "ethtool:a-b_c.4@e/rings/tx",
					    "ethtool:fifteen-letters/channels/combined",
					    "ethtool:eth0/coalesce/adaptive-rx"};
	static const char *const read[] = {"ethtool:eth0/rings/rx-max", "ethtool:eth0/pause/rx",
					   "ethtool:eth0/coalesce/tx-frames"};
	static const char *const bad[] = {"",
					  "ethtool:",
					  "ethtool:eth0",
					  "ethtool:eth0/",
					  "ethtool:eth0/rings",
					  "ethtool:eth0/rings/",
					  "ethtool:eth0/rings/rx ",
					  "ethtool:eth0/rings/rx/",
					  "ethtool:eth0/rings/mini",
					  "ethtool:eth0//rings/rx",
					  "ethtool:/rings/rx",
					  "ethtool:./rings/rx",
					  "ethtool:../rings/rx",
					  "ethtool:.eth0/rings/rx",
					  "ethtool:sixteen-letters-/rings/rx",
					  "ethtool:et h0/rings/rx",
					  "ethtool:eth0:1/rings/rx",
					  "ethtool:eth\n/rings/rx",
					  "ethtool:*/rings/rx",
					  "/ethtool:eth0/rings/rx",
					  "Ethtool:eth0/rings/rx",
					  "/sys/class/net/eth0/mtu"};
	char interface[ETHTOOL_NAME_LEN], value[16];

	(void)state;
	for (size_t i = 0; i < sizeof(write) / sizeof(*write); i++)
		assert_true(ethtool_may_write(write[i]));
	assert_non_null(ethtool_find(write[2], interface));
	assert_string_equal(interface, "fifteen-letters");
	for (size_t i = 0; i < sizeof(read) / sizeof(*read); i++) {
		assert_non_null(ethtool_find(read[i], interface));
		assert_false(ethtool_may_write(read[i]));
		assert_int_equal(ethtool_write(read[i], "1"), -EPERM);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_null(ethtool_find(bad[i], interface));
		assert_false(ethtool_may_write(bad[i]));
		assert_int_equal(ethtool_read(bad[i], value, sizeof(value)), -EINVAL);
		assert_int_equal(ethtool_write(bad[i], "1"), -EINVAL);
	}
	nothing_asked();
}

/* What can be written has bounds that nobody steps over, and is one of what the kernel can set. */
static void table(void **state)
{
	const struct ethtool_member *m;
	size_t nr;

	(void)state;
	m = ethtool_members(&nr);
	assert_true(nr > 10);
	for (size_t i = 0; i < nr; i++) {
		assert_true(m[i].get && m[i].attribute && (m[i].bytes == 1 || m[i].bytes == 4));
		assert_true(m[i].set ? m[i].least < m[i].most : !m[i].most);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(m[i].name, m[j].name);
	}
}

static void reads(void **state)
{
	char value[16];

	(void)state;
	answer(RINGS);
	assert_int_equal(ethtool_read("ethtool:eth0/rings/rx", value, sizeof(value)), 0);
	assert_string_equal(value, "1024");
	asked(GET_RINGS);
	teardown(state);
	setup(state);
	answer(RINGS);
	assert_int_equal(ethtool_read("ethtool:eth0/rings/tx-max", value, sizeof(value)), 0);
	assert_string_equal(value, "256");
	teardown(state);
	setup(state);
	answer(RINGS);
	assert_int_equal(ethtool_read("ethtool:eth0/rings/rx", value, 4), -EFBIG);
}

/* Of one request, by a socket of its own. */
static int read_one(const char *path, const char *hex, char value[16])
{
	int err;

	teardown(NULL);
	setup(NULL);
	answer(hex);
	strcpy(value, "?");
	err = ethtool_read(path, value, 16);
	return err;
}

static void reads_others(void **state)
{
	char value[16];

	(void)state;
	assert_int_equal(read_one("ethtool:eth0/coalesce/adaptive-rx", COALESCING, value), 0);
	assert_string_equal(value, "0");
	assert_int_equal(read_one("ethtool:eth0/coalesce/rx-frames", COALESCING, value), 0);
	assert_string_equal(value, "1");
	assert_int_equal(read_one("ethtool:tap0/coalesce/rx-frames", COALESCING_TAP, value), 0);
	assert_string_equal(value, "16");
	/* what is not in it is not 0 */
	assert_int_equal(read_one("ethtool:tap0/coalesce/rx-usecs", COALESCING_TAP, value),
			 -EOPNOTSUPP);
	assert_int_equal(read_one("ethtool:tap0/rings/rx", NO_SUCH, value), -EOPNOTSUPP);
	assert_int_equal(read_one("ethtool:nonesuch/rings/rx", NO_CARD, value), -ENODEV);
	/* it is there, and for now taken from its driver: not gone */
	assert_int_equal(read_one("ethtool:lo/rings/rx", NO_CARD, value), -ENETDOWN);
	/* an answer to a read that is only "done", and none at all */
	assert_int_equal(read_one("ethtool:eth0/rings/rx", ACK, value), -EBADMSG);
	assert_int_equal(ethtool_read("ethtool:eth0/rings/rx", value, sizeof(value)), -EBADMSG);
}

static void writes(void **state)
{
	(void)state;
	answer(ACK);
	assert_int_equal(ethtool_write("ethtool:eth0/rings/rx", "512"), 0);
	asked("2c 00 00 00 16 00 05 00 01 00 00 00 00 00 00 00 10 01 00 00 "
	      "10 00 01 80 09 00 02 00 65 74 68 30 00 00 00 00 08 00 06 00 00 02 00 00");
	teardown(state);
	setup(state);
	answer(ACK);
	assert_int_equal(ethtool_write("ethtool:eth0/coalesce/adaptive-rx", "1"), 0);
	asked("2c 00 00 00 16 00 05 00 01 00 00 00 00 00 00 00 14 01 00 00 "
	      "10 00 01 80 09 00 02 00 65 74 68 30 00 00 00 00 05 00 0b 00 01 00 00 00");
	teardown(state);
	setup(state);
	answer(REFUSED);
	assert_int_equal(ethtool_write("ethtool:eth0/rings/rx", "2048"), -EINVAL);
}

/* Whoever asks: within the table's numbers, and numbers. */
static void bounds(void **state)
{
	static const struct {
		const char *path, *value;
		int err;
	} bad[] = {
		{"ethtool:eth0/rings/rx", "0", -ERANGE},
		{"ethtool:eth0/rings/rx", "65537", -ERANGE},
		{"ethtool:eth0/rings/rx", "99999999999999999999", -ERANGE},
		{"ethtool:eth0/rings/rx", "", -EINVAL},
		{"ethtool:eth0/rings/rx", "-1", -EINVAL},
		{"ethtool:eth0/rings/rx", "512 ", -EINVAL},
		{"ethtool:eth0/rings/rx", "0x200", -EINVAL},
		{"ethtool:eth0/channels/combined", "0", -ERANGE},
		{"ethtool:eth0/coalesce/rx-usecs", "10001", -ERANGE},
		{"ethtool:eth0/coalesce/rx-frames", "1025", -ERANGE},
		{"ethtool:eth0/coalesce/adaptive-rx", "2", -ERANGE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(ethtool_write(bad[i].path, bad[i].value), bad[i].err);
	nothing_asked();
}

/* What the kernel has left from before, and what somebody cuts short. */
static void answers(void **state)
{
	unsigned char bytes[512] __attribute__((aligned(8))), *copy;
	char interface[ETHTOOL_NAME_LEN], value[16];
	const struct ethtool_member *rx = ethtool_find("ethtool:eth0/rings/rx", interface);
	size_t nr = bytes_of(RINGS, bytes);
	__u32 number = 0;

	(void)state;
	assert_int_equal(ethtool_answer(bytes, nr, 1, FAMILY, rx, &number), 0);
	assert_int_equal(number, 1024);
	assert_int_equal(ethtool_answer(bytes, nr, 2, FAMILY, rx, &number), -EBADMSG);
	assert_int_equal(ethtool_answer(bytes, nr, 1, FAMILY + 1, rx, &number), -EBADMSG);
	assert_int_equal(ethtool_answer(bytes, nr, 1, FAMILY, NULL, &number), -EBADMSG);
	for (size_t len = 0; len < nr; len++) { /* exactly: a sanitizer sees one byte too far */
		copy = malloc(len + !len);
		assert_non_null(copy);
		memcpy(copy, bytes, len);
		assert_int_equal(ethtool_answer(copy, len, 1, FAMILY, rx, &number), -EBADMSG);
		free(copy);
	}
	bytes[44] = 7; /* an attribute of no number's length */
	assert_int_equal(ethtool_answer(bytes, nr, 1, FAMILY, rx, &number), 0);
	nr = bytes_of(RINGS, bytes);
	bytes[52] = 6;
	assert_int_equal(ethtool_answer(bytes, nr, 1, FAMILY, rx, &number), -EBADMSG);
	nr = bytes_of(REFUSED, bytes);
	bytes[16] = 1, bytes[17] = bytes[18] = bytes[19] = 0; /* no error is positive … */
	assert_int_equal(ethtool_answer(bytes, nr, 1, FAMILY, NULL, &number), -EBADMSG);
	bytes[19] = 0x80; /* … or that large */
	assert_int_equal(ethtool_answer(bytes, nr, 1, FAMILY, NULL, &number), -EBADMSG);
	nr = bytes_of(RINGS, bytes);
	bytes[3] = 0x80; /* longer than 2 GiB: libmnl itself would take it for a negative length */
	assert_int_equal(ethtool_answer(bytes, nr, 1, FAMILY, rx, &number), -EBADMSG);
	/* one of an earlier request is passed over */
	answer("24 00 00 00 02 00 00 01 77 00 00 00 7b 00 00 00 00 00 00 00 " ZEROS);
	answer(RINGS);
	assert_int_equal(ethtool_read("ethtool:eth0/rings/rx", value, sizeof(value)), 0);
	assert_string_equal(value, "1024");
}

/* The family's number is asked for once. */
static void family(void **state)
{
	int fds[2];
	char value[16];

	teardown(state);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	theirs = fds[1];
	ethtool_use(fds[0], 0);
	answer("34 00 00 00 10 00 00 00 01 00 00 00 7b 00 00 00 01 02 00 00 "
	       "0c 00 02 00 65 74 68 74 6f 6f 6c 00 06 00 01 00 16 00 00 00 "
	       "08 00 03 00 01 00 00 00 08 00 04 00 00 00 00 00 ");
	assert_int_equal(ethtool_open(), 0);
	asked("20 00 00 00 10 00 01 00 01 00 00 00 00 00 00 00 03 01 00 00 "
	      "0c 00 02 00 65 74 68 74 6f 6f 6c 00");
	assert_int_equal(ethtool_open(), 0);
	nothing_asked();
	answer("3c 00 00 00 16 00 00 00 02 00 00 00 7b 00 00 00 12 01 00 00 "
	       "18 00 01 80 08 00 01 00 02 00 00 00 09 00 02 00 65 74 68 30 00 00 00 00 "
	       "08 00 05 00 01 00 00 00 08 00 09 00 01 00 00 00");
	assert_int_equal(ethtool_read("ethtool:eth0/channels/combined", value, sizeof(value)), 0);
	assert_string_equal(value, "1");
	/* a kernel without it: no such family */
	teardown(state);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	theirs = fds[1];
	ethtool_use(fds[0], 0);
	answer("24 00 00 00 02 00 00 00 01 00 00 00 7b 00 00 00 fe ff ff ff " ZEROS);
	assert_int_equal(ethtool_read("ethtool:eth0/rings/rx", value, sizeof(value)), -EOPNOTSUPP);
	/* nobody at the other end */
	asked("20 00 00 00 10 00 01 00 01 00 00 00 00 00 00 00 03 01 00 00 "
	      "0c 00 02 00 65 74 68 74 6f 6f 6c 00");
	close(theirs);
	theirs = -1;
	assert_int_equal(ethtool_read("ethtool:eth0/rings/rx", value, sizeof(value)), -EPIPE);
}

/* Below a root they are files; those of the table alone. */
static void places(void **state)
{
	char root[64], value[16];

	(void)state;
	tree_make(root);
	tree_put(root, "/ethtool:eth0/rings/rx", "256\n");
	tree_put(root, "/ethtool:eth0/rings/rx-max", "4096\n");
	tree_put(root, "/ethtool:eth0/rings/secret", "1\n");
	assert_int_equal(place_read(root, "ethtool:eth0/rings/rx", value, sizeof(value)), 3);
	assert_int_equal(place_write(root, "ethtool:eth0/rings/rx", "512"), 0);
	assert_int_equal(place_read(root, "ethtool:eth0/rings/rx", value, sizeof(value)), 3);
	assert_string_equal(value, "512");
	assert_int_equal(place_read(root, "ethtool:eth0/rings/rx-max", value, sizeof(value)), 4);
	assert_int_equal(place_write(root, "ethtool:eth0/rings/rx-max", "1"), -EPERM);
	assert_int_equal(place_read(root, "ethtool:eth0/rings/secret", value, sizeof(value)),
			 -EINVAL);
	assert_int_equal(place_read(root, "ethtool:../rings/rx", value, sizeof(value)), -EINVAL);
	assert_int_equal(place_write(root, "ethtool:eth1/rings/rx", "1"), -ENOENT);
	nothing_asked();
	/* without one it is the kernel's */
	answer(RINGS);
	assert_int_equal(place_read("", "ethtool:eth0/rings/rx", value, sizeof(value)), 4);
	assert_string_equal(value, "1024");
	tree_free(root);
}

int main(void)
{
#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {TEST(names),	       TEST(table),  TEST(reads),
					   TEST(reads_others), TEST(writes), TEST(bounds),
					   TEST(answers),      TEST(family), TEST(places)};

	return cmocka_run_group_tests_name("ethtool", tests, NULL, NULL);
}
