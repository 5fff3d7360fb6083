// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "ethtool.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "parse.h"

#define MESSAGE_MAX 4096 /* an answer about one group of one interface has some hundred bytes */
/* In every group the first attribute says whom it is about; the kernel's headers have a name for each. */
#define HEADER ((__u16)ETHTOOL_A_RINGS_HEADER)
_Static_assert(HEADER == (__u16)ETHTOOL_A_CHANNELS_HEADER &&
		       HEADER == (__u16)ETHTOOL_A_COALESCE_HEADER &&
		       HEADER == (__u16)ETHTOOL_A_PAUSE_HEADER,
	       "one header for all");

#define RINGS ETHTOOL_MSG_RINGS_GET, ETHTOOL_MSG_RINGS_SET
#define CHANNELS ETHTOOL_MSG_CHANNELS_GET, ETHTOOL_MSG_CHANNELS_SET
#define COALESCE ETHTOOL_MSG_COALESCE_GET, ETHTOOL_MSG_COALESCE_SET

/*
 * What may be written is what policy/parameters.yaml has an actuator for, and within wider numbers than there: these hold whoever asks.
 * "NAME-max" is what the driver takes of NAME.
 */
static const struct ethtool_member members[] = {
	{"rings/rx", RINGS, ETHTOOL_A_RINGS_RX, 4, 1, 65536},
	{"rings/rx-max", ETHTOOL_MSG_RINGS_GET, 0, ETHTOOL_A_RINGS_RX_MAX, 4, 0, 0},
	{"rings/tx", RINGS, ETHTOOL_A_RINGS_TX, 4, 1, 65536},
	{"rings/tx-max", ETHTOOL_MSG_RINGS_GET, 0, ETHTOOL_A_RINGS_TX_MAX, 4, 0, 0},
	{"channels/combined", CHANNELS, ETHTOOL_A_CHANNELS_COMBINED_COUNT, 4, 1, 4096},
	{"channels/combined-max", ETHTOOL_MSG_CHANNELS_GET, 0, ETHTOOL_A_CHANNELS_COMBINED_MAX, 4,
	 0, 0},
	{"coalesce/rx-usecs", COALESCE, ETHTOOL_A_COALESCE_RX_USECS, 4, 0, 10000},
	{"coalesce/rx-frames", COALESCE, ETHTOOL_A_COALESCE_RX_MAX_FRAMES, 4, 0, 1024},
	{"coalesce/adaptive-rx", COALESCE, ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX, 1, 0, 1},
	{"coalesce/tx-usecs", COALESCE, ETHTOOL_A_COALESCE_TX_USECS, 4, 0, 10000},
	{"coalesce/tx-frames", ETHTOOL_MSG_COALESCE_GET, 0, ETHTOOL_A_COALESCE_TX_MAX_FRAMES, 4, 0,
	 0},
	{"coalesce/adaptive-tx", ETHTOOL_MSG_COALESCE_GET, 0, ETHTOOL_A_COALESCE_USE_ADAPTIVE_TX, 1,
	 0, 0},
	{"pause/autoneg", ETHTOOL_MSG_PAUSE_GET, 0, ETHTOOL_A_PAUSE_AUTONEG, 1, 0, 0},
	{"pause/rx", ETHTOOL_MSG_PAUSE_GET, 0, ETHTOOL_A_PAUSE_RX, 1, 0, 0},
	{"pause/tx", ETHTOOL_MSG_PAUSE_GET, 0, ETHTOOL_A_PAUSE_TX, 1, 0, 0},
};

const struct ethtool_member *ethtool_members(size_t *nr)
{
	*nr = sizeof(members) / sizeof(*members);
	return members;
}

/* ---- names ---- */

bool ethtool_is(const char *path)
{
	return !strncmp(path, ETHTOOL_PREFIX, strlen(ETHTOOL_PREFIX));
}

const struct ethtool_member *ethtool_find(const char *path, char interface[ETHTOOL_NAME_LEN])
{
	/* the kernel lets more be in a name than anybody has; ':' and '/' not, which end it here */
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "-_.@";
	size_t len;

	if (!ethtool_is(path))
		return NULL;
	path += strlen(ETHTOOL_PREFIX);
	len = strspn(path, good);
	if (!len || len >= ETHTOOL_NAME_LEN || path[0] == '.' || path[len] != '/')
		return NULL;
	memcpy(interface, path, len);
	interface[len] = '\0';
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		if (!strcmp(members[i].name, path + len + 1))
			return &members[i];
	}
	return NULL;
}

bool ethtool_may_write(const char *path)
{
	char interface[ETHTOOL_NAME_LEN];
	const struct ethtool_member *m = ethtool_find(path, interface);

	return m && m->set;
}

/* ---- what the kernel says ---- */

static int number_of(const struct nlattr *attr, const struct ethtool_member *m, __u32 *value)
{
	if (mnl_attr_get_payload_len(attr) != m->bytes)
		return -EBADMSG;
	switch (m->bytes) {
	case 1:
		*value = mnl_attr_get_u8(attr);
		return 0;
	case 2: /* the family's own number */
		*value = mnl_attr_get_u16(attr);
		return 0;
	default:
		*value = mnl_attr_get_u32(attr);
		return 0;
	}
}

/* Of one message, which is whole and ours. */
static int member_of(const struct nlmsghdr *h, const struct ethtool_member *m, __u32 *value)
{
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(h) < sizeof(struct genlmsghdr))
		return -EBADMSG;
	mnl_attr_for_each(attr, h, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attr) == m->attribute)
			return number_of(attr, m, value);
	}
	return -EOPNOTSUPP;
}

/* libmnl (1.0.4) takes a length of more than 2 GiB for a negative one, which fits everywhere. */
static bool is_whole(const struct nlmsghdr *h, int left)
{
	return left >= (int)sizeof(*h) && h->nlmsg_len <= (__u32)left && mnl_nlmsg_ok(h, left);
}

int ethtool_answer(const void *message, size_t size, __u32 seq, __u16 family,
		   const struct ethtool_member *member, __u32 *value)
{
	const struct nlmsghdr *h = message;
	int left = size > MESSAGE_MAX ? MESSAGE_MAX : (int)size;

	for (; is_whole(h, left); h = mnl_nlmsg_next(h, &left)) {
		const struct nlmsgerr *e;

		if (h->nlmsg_seq != seq)
			continue;
		if (h->nlmsg_type == family && member)
			return member_of(h, member, value);
		if (h->nlmsg_type != NLMSG_ERROR)
			continue;
		e = mnl_nlmsg_get_payload(h);
		if (mnl_nlmsg_get_payload_len(h) < sizeof(*e) || e->error > 0 || e->error < -4095)
			return -EBADMSG;
		return e->error || !member ? e->error : -EBADMSG;
	}
	return -EBADMSG;
}

/* ---- asking it ---- */

static struct {
	int fd;	      /* -1 = not open */
	__u16 family; /* 0 = not known */
	__u32 seq;
} kernel = {.fd = -1};

static struct nlmsghdr *request(void *buf, __u16 type, __u16 flags, __u8 command, __u8 version)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++kernel.seq;
	g->cmd = command;
	g->version = version;
	return h;
}

static int ask(const struct nlmsghdr *h, const struct ethtool_member *wanted, __u32 *value)
{
	char answer[MESSAGE_MAX] __attribute__((aligned(8)));
	ssize_t n;

	n = send(kernel.fd, h, h->nlmsg_len, MSG_NOSIGNAL);
	if (n != (ssize_t)h->nlmsg_len)
		return n < 0 ? -errno : -EIO;
	do { /* what is left of a request that was interrupted is not ours */
		n = recv(kernel.fd, answer, sizeof(answer), MSG_DONTWAIT | MSG_TRUNC);
	} while (n >= (ssize_t)sizeof(*h) &&
		 ((const struct nlmsghdr *)answer)->nlmsg_seq != h->nlmsg_seq);
	if (n < 0)
		return errno == EAGAIN ? -EBADMSG : -errno;
	if (n > (ssize_t)sizeof(answer))
		return -EMSGSIZE;
	return ethtool_answer(answer, (size_t)n, h->nlmsg_seq, h->nlmsg_type, wanted, value);
}

/* The kernel gives its families their numbers when it starts. */
static int find_family(void)
{
	static const struct ethtool_member id = {.attribute = CTRL_ATTR_FAMILY_ID, .bytes = 2};
	char buf[256] __attribute__((aligned(8))) = {0}; /* with what is between attributes */
	struct nlmsghdr *h = request(buf, GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY, 1);
	__u32 family = 0;
	int err;

	mnl_attr_put_strz(h, CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME);
	err = ask(h, &id, &family);
	if (!err)
		kernel.family = (__u16)family;
	return err == -ENOENT ? -EOPNOTSUPP : err; /* a kernel without it */
}

int ethtool_open(void)
{
	const struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	int err;

	if (kernel.fd < 0) {
		kernel.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
		if (kernel.fd < 0)
			return -errno;
		/* connected: nobody but the kernel can send us an answer */
		if (connect(kernel.fd, (const struct sockaddr *)&to, sizeof(to))) {
			err = -errno;
			ethtool_close();
			return err;
		}
	}
	return kernel.family ? 0 : find_family();
}

void ethtool_close(void)
{
	ethtool_use(-1, 0);
}

void ethtool_use(int fd, __u16 family)
{
	if (kernel.fd >= 0)
		close(kernel.fd);
	kernel.fd = fd;
	kernel.family = family;
	kernel.seq = 0;
}

/* -ENODEV is also said of a device that is there, and suspended, or reset: that comes back, and is not gone. */
static int is_gone(const char *interface)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/%s", interface);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -ENODEV;
	close(fd);
	return -ENETDOWN;
}

/* One request about one interface: to tell @m, or, with a @value to be set, to set it. */
static int about(const char *interface, const struct ethtool_member *m, const __u32 *set,
		 __u32 *value)
{
	char buf[256] __attribute__((aligned(8))) = {0}; /* with what is between attributes */
	struct nlmsghdr *h;
	struct nlattr *nest;
	int err = ethtool_open();

	if (err)
		return err;
	h = request(buf, kernel.family, set ? NLM_F_ACK : 0, set ? m->set : m->get,
		    ETHTOOL_GENL_VERSION);
	nest = mnl_attr_nest_start(h, HEADER);
	mnl_attr_put_strz(h, ETHTOOL_A_HEADER_DEV_NAME, interface);
	mnl_attr_nest_end(h, nest);
	if (set && m->bytes == 1)
		mnl_attr_put_u8(h, m->attribute, (__u8)*set);
	else if (set)
		mnl_attr_put_u32(h, m->attribute, *set);
	err = ask(h, set ? NULL : m, value);
	return err == -ENODEV ? is_gone(interface) : err;
}

int ethtool_read(const char *path, char *value, size_t size)
{
	char interface[ETHTOOL_NAME_LEN];
	const struct ethtool_member *m = ethtool_find(path, interface);
	__u32 number;
	int err = m ? about(interface, m, NULL, &number) : -EINVAL;

	if (err)
		return err;
	return snprintf(value, size, "%u", number) < (int)size ? 0 : -EFBIG;
}

int ethtool_write(const char *path, const char *value)
{
	char interface[ETHTOOL_NAME_LEN];
	const struct ethtool_member *m = ethtool_find(path, interface);
	__u64 wide;
	__u32 number;
	int err = m ? m->set ? parse_u64_max(value, m->most, &wide) : -EPERM : -EINVAL;

	if (!err && wide < m->least)
		err = -ERANGE;
	if (err)
		return err;
	number = (__u32)wide;
	return about(interface, m, &number, NULL);
}
