// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A proposal as it comes over the control socket, and a window of maintenance: refused with a reason, or whole. */
#include "fuzz.h"

#include <string.h>

#include "act/ask.h"
#include "json.h"
#include "names.h"

int FUZZ_TARGET(ask)(const uint8_t *data, size_t size)
{
	struct json_object *request = js_parse((const char *)data, size);
	struct ask_list list;
	char error[256];
	int err;

	if (!request)
		return 0;
	err = ask_read(&list, request, error, sizeof(error));
	promise(!err == !error[0]);
	promise(!err || error[0] == '/'); /* with a pointer */
	if (!err) {
		promise(list.nr >= 1 && list.nr <= PROPOSALS_MAX);
		promise(list.limits_nr <= PROPOSAL_ROLLBACKS_MAX &&
			list.source < PROPOSAL_SOURCE_NR);
	}
	for (unsigned int i = 0; !err && i < list.nr; i++) {
		promise(*list.ask[i].parameter && *list.ask[i].reason);
		promise(!list.ask[i].value == !!list.ask[i].values);
		promise(!list.ask[i].value || *list.ask[i].value);
		promise(list.ask[i].timing <= KB_TIMING_NR && list.ask[i].risk <= KB_RISK_MAX);
	}
	for (unsigned int i = 0; !err && i < list.limits_nr; i++)
		promise(list.limit[i].vital < HS_VITAL_NR);
	json_object_put(request);
	return 0;
}
