// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* An answer of the kernel about a network card, as if anybody could have sent it; and a name for such a setting. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "ethtool.h"

#define FAMILY 22

int FUZZ_TARGET(ethtool)(const uint8_t *data, size_t size)
{
	char text[128], interface[ETHTOOL_NAME_LEN];
	const struct ethtool_member *m;
	__u32 value;
	size_t nr;
	void *copy;

	snprintf(text, sizeof(text), "%.*s", (int)(size < 100 ? size : 100), (const char *)data);
	m = ethtool_find(text, interface);
	promise(!m || (interface[0] && strlen(interface) < sizeof(interface) &&
		       !strpbrk(interface, "/: \n")));
	promise(!ethtool_may_write(text) || m);
	copy = malloc(size + !size); /* aligned, and exactly as long */
	promise(copy);
	memcpy(copy, data, size);
	m = ethtool_members(&nr);
	for (size_t i = 0; i <= nr; i++) {
		int err = ethtool_answer(copy, size, 1, FAMILY, i < nr ? &m[i] : NULL, &value);

		promise(err <= 0 && err >= -4095);
		promise(err || i == nr || m[i].bytes == 4 || value <= 255);
	}
	free(copy);
	return 0;
}
