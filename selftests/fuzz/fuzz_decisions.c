// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * A log of decisions: refused, or records that a replay may lay in place without a look. Most inputs are made of a good log: byte
 * triples (where, where, what) are laid over it.
 */
#include "fuzz.h"

#include <string.h>

#include "../unit/decision_fixture.h"

static void usable(const struct decision_log *log)
{
	const struct hs_decision *d = &log->record.call;

	promise(d->size <= sizeof(log->record));
	if (d->type == HS_DECISION_STATE) {
		promise(log->record.state.config.rules_nr <= HS_RULES_MAX);
		promise(log->record.state.config.rules_base <= HS_RULES_MAX);
		return;
	}
	promise(d->type < HS_DECISION_STATE);
	promise((const __u8 *)(decision_items(d) + d->items) <= log->record.bytes + d->size);
	for (__u32 i = 0; i < d->items; i++) {
		const struct hs_decision_item *it = &decision_items(d)[i];

		if (it->kind <= HS_DECIDED_SUMS)
			promise(it->id < HS_VITAL_NR);
		else if (it->kind == HS_DECIDED_SLOT)
			promise(it->id < HS_SLOTS && it->a >> 8 < HS_SLOT_END_NR);
		else
			promise(it->id < HS_KNOB_NR);
		if (it->kind == HS_DECIDED_ANSWER)
			promise(it->a < HS_SLOTS);
	}
}

int FUZZ_TARGET(decisions)(const uint8_t *data, size_t size)
{
	static struct log_image image;
	static struct decision_log log;
	uint8_t *bytes = (uint8_t *)&image;
	size_t length = sizeof(image);
	char error[512] = "";
	__u64 records = 0;
	int rc;

	if (!size)
		return -1;
	log_image(&image);
	if (data[0] & 1) { /* as it is, behind the head */
		if (size - 1 < sizeof(image) - sizeof(image.head))
			length = size - 1 + sizeof(image.head);
		memcpy(bytes + sizeof(image.head), data + 1, length - sizeof(image.head));
	} else {
		for (size_t i = 1; i + 3 <= size; i += 3)
			bytes[(data[i] << 8 | data[i + 1]) % sizeof(image)] = data[i + 2];
	}
	rc = decision_log_open(&log, fmemopen(&image, length, "r"), error, sizeof(error));
	promise(!rc == !error[0]);
	while (!rc && (rc = decision_log_next(&log, error, sizeof(error))) > 0) {
		records++;
		usable(&log);
		rc = 0;
	}
	promise(rc <= 0 && !rc == !error[0]);
	promise(records == log.number);
	decision_log_close(&log);
	return 0;
}
