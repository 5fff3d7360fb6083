// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "change_state.h"

#include <errno.h>
#include <string.h>

#define X(id, name, text) {name, text},
const struct tx_state_info tx_states[TX_STATE_NR] = {TX_STATES(X)};
#undef X

int tx_state_find(const char *name)
{
	for (int i = 0; i < TX_STATE_NR; i++) {
		if (!strcmp(tx_states[i].name, name))
			return i;
	}
	return -ENOENT;
}
