// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ethtool.h"
#include "parse.h"

static const struct place_helper self = {place_read_self, place_write_self};
static const struct place_helper *by = &self;

void place_by(const struct place_helper *helper)
{
	by = helper ? helper : &self;
}

ssize_t place_read(const char *root, const char *path, char *buf, size_t size)
{
	return by->read(root, path, buf, size);
}

int place_write(const char *root, const char *path, const char *text)
{
	return by->write(root, path, text);
}

/* A setting's file below a root; only one of the table has one. 0 or negative errno. */
static int setting_file(const char *path, char *buf, size_t size)
{
	char interface[ETHTOOL_NAME_LEN];

	if (!ethtool_find(path, interface))
		return -EINVAL;
	return snprintf(buf, size, "/%s", path) < (int)size ? 0 : -ENAMETOOLONG;
}

ssize_t place_read_self(const char *root, const char *path, char *buf, size_t size)
{
	char file[128];
	int err;

	buf[0] = '\0';
	if (!ethtool_is(path))
		return read_file(root, path, buf, size);
	if (root && *root) {
		err = setting_file(path, file, sizeof(file));
		return err ? err : read_file(root, file, buf, size);
	}
	err = ethtool_read(path, buf, size);
	return err ? err : (ssize_t)strlen(buf);
}

int place_write_self(const char *root, const char *path, const char *text)
{
	char file[128];
	int err;

	if (!ethtool_is(path))
		return write_file(root, path, text);
	if (!root || !*root)
		return ethtool_write(path, text);
	err = ethtool_may_write(path) ? setting_file(path, file, sizeof(file)) : -EPERM;
	return err ? err : write_file(root, file, text);
}
