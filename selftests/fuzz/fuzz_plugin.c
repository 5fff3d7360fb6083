// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The object of a policy: refused with one line, or one that keeps what it promises. */
#include "fuzz.h"

#include <string.h>

#include "../../user/lib/plugin.h"

int FUZZ_TARGET(plugin)(const uint8_t *data, size_t size)
{
	char error[1024] = "";
	struct plugin p;
	int err = plugin_open_mem(&p, data, size, "fuzz", error, sizeof(error));

	promise(p.prog_fd == -1 && p.state_fd == -1 && !p.log);
	promise(!err == !*error && !strchr(error, '\n'));
	if (!err) {
		promise(p.policy.abi_version == HS_ABI_VERSION && p.policy.turns[0]);
		promise(memchr(p.policy.name, '\0', sizeof(p.policy.name)) && *p.policy.name);
		promise(memchr(p.policy.about, '\0', sizeof(p.policy.about)));
		for (int i = 0; i < HS_SLOT_NAMES; i++)
			promise(p.policy.reads[i] <= HS_VITAL_NR &&
				p.policy.turns[i] <= HS_KNOB_NR);
		promise(p.maps_nr <= PLUGIN_MAPS_MAX && p.map_bytes <= PLUGIN_MAP_BYTES);
		promise(p.state_size <= p.map_bytes);
	}
	plugin_close(&p);
	return 0;
}
