// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* A knowledge base: refused with a reason, or whole; and any value for what is in it. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "kb.h"
#include "names.h"

static void check_parameter(const struct kb_parameter *p)
{
	static const struct kb_machine small = {.memory_bytes = 1 << 20, .cpus = 1};
	char why[160] = "", pattern[64];

	promise(p->name[0] && p->path[0] && p->meaning[0] && p->source[0]);
	promise(p->actuator < KB_ACTUATOR_NR && p->type < KB_TYPE_NR && p->timing < KB_TIMING_NR);
	promise(p->risk >= 1 && p->risk <= KB_RISK_MAX && p->moves_nr <= KB_MOVES_MAX);
	for (unsigned int i = 0; i < p->moves_nr; i++)
		promise(p->move[i].vital < HS_VITAL_NR);
	/* what is refused is refused with a reason */
	promise(!kb_value(p, p->meaning, &small, why, sizeof(why)) || why[0]);
	(void)kb_now(p, "/nonexistent", pattern, sizeof(pattern));
}

int FUZZ_TARGET(kb)(const uint8_t *data, size_t size)
{
	char error[256];
	struct kb kb;
	int err = kb_parse(&kb, "kb", (const char *)data, size, error, sizeof(error));

	promise(!err == !error[0]);
	promise(err ? !kb.parameter : kb.nr > 0);
	for (unsigned int i = 0; i < kb.nr; i++)
		check_parameter(&kb.parameter[i]);
	kb_free(&kb);
	return 0;
}
