/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Settings of network cards that are in no file: rings, channels, coalescing, by ethtool netlink. Each has a name in the
 * place of a path, "ethtool:INTERFACE/GROUP/MEMBER" (ethtool:eth0/rings/rx), so that whoever reads, writes and puts back files does
 * so with these too (place.h). A fixed table says which there are, which may be written, and within which numbers; a request has one
 * of them, and the kernel's answer is looked at for that alone. Of the network namespace that the process is in.
 *
 * Nothing here allocates, and nothing waits: the kernel has answered when a request is sent. Reading takes no privilege, writing
 * CAP_NET_ADMIN. One thread.
 */
#ifndef HOMEOSTAT_ETHTOOL_H
#define HOMEOSTAT_ETHTOOL_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define ETHTOOL_PREFIX "ethtool:"
#define ETHTOOL_NAME_LEN 16 /* IFNAMSIZ */

/* One of the table. */
struct ethtool_member {
	const char *name; /* GROUP/MEMBER */
	__u8 get, set;	  /* commands; set 0 = it is only ever read */
	__u16 attribute;
	__u8 bytes;	   /* of its attribute: 1, or 4 */
	__u32 least, most; /* that may be written, whatever the driver would take */
};

/* The table; *nr: how many. */
const struct ethtool_member *ethtool_members(size_t *nr);

/* Is it the name of such a setting, as far as it begins? Pure. */
bool ethtool_is(const char *path);

/* Which one of the table, of an interface with a name that may be; NULL: none. Pure. */
const struct ethtool_member *ethtool_find(const char *path, char interface[ETHTOOL_NAME_LEN]);

/* May that be written: of the table, and not one of those that are only read? Pure. */
bool ethtool_may_write(const char *path);

/*
 * What it is, as a decimal number. 0; -EINVAL (not of the table), -ENODEV (no such interface), -ENETDOWN (it is there, and taken
 * away from its driver for now), -EOPNOTSUPP (its driver has none), -EBADMSG (an answer that is none), or another negative errno.
 */
int ethtool_read(const char *path, char *value, size_t size);

/* Sets it. As above; -EPERM: it may not be written, or not by us; -ERANGE: not within the table's numbers; or what the driver says. */
int ethtool_write(const char *path, const char *value);

/* Opens the socket now, for who will not be allowed to later; else it is opened when it is needed. 0 or negative errno. */
int ethtool_open(void);

/* Closes it, if it is open: it is opened again when it is needed. */
void ethtool_close(void);

/* A socket of ours in the kernel's place, and the family's number: for the tests. */
void ethtool_use(int fd, __u16 family);

/*
 * Looks into an answer: `size` bytes at `message`, aligned to 4, to request `seq`. @member: what is wanted of it, of messages of
 * type `family`; NULL: that it is done. 0 with *value, or negative errno: what the kernel says, -EOPNOTSUPP (it is not in it), -EBADMSG. Pure.
 */
int ethtool_answer(const void *message, size_t size, __u32 seq, __u16 family,
		   const struct ethtool_member *member, __u32 *value);

#endif
