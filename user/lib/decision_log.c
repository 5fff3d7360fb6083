// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "decision_log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "version.h"

_Static_assert(sizeof(struct decision_log_head) == 96, "no padding in the file");
_Static_assert(sizeof(struct hs_decision_mark) == 24, "likewise");
_Static_assert(sizeof(struct hs_decision) == 64, "likewise");
_Static_assert(sizeof(struct hs_decision_item) == 32, "likewise");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "of this machine");

static const char *const type_names[HS_DECISION_NR] = {
	[HS_DECISION_RESET] = "reset", [HS_DECISION_WISHES] = "wishes",
	[HS_DECISION_RULES] = "rules", [HS_DECISION_MOVE] = "move",
	[HS_DECISION_STATE] = "state", [HS_DECISION_END] = "end",
};

const char *decision_type_name(__u32 type)
{
	return type < HS_DECISION_NR ? type_names[type] : "";
}

void decision_log_head(struct decision_log_head *head, const __u8 *manifest)
{
	*head = (struct decision_log_head){
		.magic = DECISION_LOG_MAGIC,
		.version = DECISION_LOG_VERSION,
		.size = sizeof(*head),
		.abi_version = HS_ABI_VERSION,
		.state_size = sizeof(struct hs_decision_state),
		.vitals = HS_VITAL_NR,
		.knobs = HS_KNOB_NR,
		.program = HS_VERSION,
	};
	if (manifest)
		memcpy(head->manifest, manifest, sizeof(head->manifest));
}

static int __attribute__((format(printf, 3, 4))) wrong(char *error, size_t size, const char *fmt,
						       ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int decision_log_open(struct decision_log *log, FILE *f, char *error, size_t size)
{
	const int failed = errno;
	struct decision_log_head ours, *head = &log->head;

	memset(log, 0, sizeof(*log));
	if (!f) {
		wrong(error, size, "%s", strerror(failed));
		return -failed;
	}
	log->f = f;
	decision_log_head(&ours, NULL);
	if (fread(head, sizeof(*head), 1, f) != 1 ||
	    memcmp(head->magic, ours.magic, sizeof(ours.magic)))
		return wrong(error, size,
			     "no log of decisions; `homeostat record --out FILE` makes one");
	if (head->version != ours.version || head->size != ours.size || head->pad ||
	    head->program[sizeof(head->program) - 1])
		return wrong(error, size, "version %u of such logs, this program reads %u",
			     head->version, ours.version);
	if (head->abi_version != ours.abi_version || head->state_size != ours.state_size ||
	    head->vitals != ours.vitals || head->knobs != ours.knobs)
		return wrong(error, size,
			     "written by homeostat %s with kernel interface %u, this one is %s "
			     "with %u: use that one",
			     head->program, head->abi_version, ours.program, ours.abi_version);
	return 0;
}

static bool item_ok(const struct hs_decision_item *it)
{
	switch (it->kind) {
	case HS_DECIDED_VITAL:
		return it->id < HS_VITAL_NR && it->a <= 3;
	case HS_DECIDED_AVERAGE:
	case HS_DECIDED_SUMS:
		return it->id < HS_VITAL_NR && !it->a && !it->d;
	case HS_DECIDED_WISH:
		return it->id < HS_KNOB_NR && it->a < HS_CAUSE_NR && it->c <= ~0U && !it->d;
	case HS_DECIDED_SLOT:
		return it->id < HS_SLOTS && (it->a & 0xff) <= 1 && it->a >> 8 < HS_SLOT_END_NR &&
		       (__s64)it->b == (__s32)it->b && !it->d;
	case HS_DECIDED_ANSWER:
		return it->id < HS_KNOB_NR && it->a < HS_SLOTS && !it->c && !it->d;
	case HS_DECIDED_KNOB:
		return it->id < HS_KNOB_NR && (it->a & 0xff) < HS_CAUSE_NR &&
		       (it->a >> 8 & 0xff) <= 1 && it->a >> 16 < HS_RULES_MAX;
	default:
		return false;
	}
}

static const char *call_wrong(const struct hs_decision *d)
{
	if (d->items > HS_DECISION_ITEMS ||
	    d->size != sizeof(*d) + d->items * sizeof(struct hs_decision_item))
		return "its size is not that of its items";
	if (d->flags & ~HS_DECISION_TORN || d->run > 2 || d->near > HS_VITAL_NR ||
	    d->trip >= HS_TRIP_NR || d->acting > HS_SLOTS || d->moving >> HS_KNOB_NR)
		return "a number in it is out of range";
	for (__u32 i = 0; i < d->items; i++)
		if (!item_ok(&decision_items(d)[i]))
			return "an item of it is out of range";
	return NULL;
}

static const char *state_wrong(const struct hs_decision_state *s)
{
	if (s->mark.size != sizeof(*s) || s->mark.flags & ~HS_DECISION_ALL)
		return "it is no state of this version";
	if (s->config.rules_nr > HS_RULES_MAX ||
	    (s->config.rules_base && s->config.rules_base != HS_RULES_MAX))
		return "a number in it is out of range";
	return NULL;
}

/* Reads what begins with size and type. 1, 0 at the end, or negative errno. */
static int read_record(struct decision_log *log, char *error, size_t size)
{
	struct hs_decision_mark *m = &log->record.mark;
	const size_t first = 8;
	size_t n = fread(m, 1, first, log->f);

	if (n == first && (m->size < sizeof(*m) || m->size > sizeof(log->record) || m->size % 8 ||
			   m->type >= HS_DECISION_NR))
		return wrong(error, size, "record %llu: no such record", log->number + 1);
	if (n == first)
		n += fread(log->record.bytes + first, 1, m->size - first, log->f);
	if (ferror(log->f)) {
		wrong(error, size, "%s", strerror(errno));
		return -EIO;
	}
	log->cut = n && (n < first || n < m->size);
	return n && !log->cut;
}

/* Does it follow the one before? */
static const char *order_wrong(struct decision_log *log)
{
	const union decision_record *r = &log->record;

	if (r->mark.type == HS_DECISION_STATE) {
		if (log->number && (r->mark.seq < log->seq || r->mark.lost < log->lost_first))
			return "it is older than the one before";
		if (!log->number)
			log->lost_first = r->mark.lost;
		log->lost = r->mark.lost - log->lost_first;
		log->seq = r->mark.seq;
		log->begun = true;
		return NULL;
	}
	if (!log->begun)
		return "a call without the state before it";
	if (r->call.seq != log->seq)
		return "calls are missing before it";
	log->seq++;
	if (r->call.flags & HS_DECISION_TORN) {
		log->torn++;
		log->begun = false;
	}
	return NULL;
}

static int take_end(struct decision_log *log, char *error, size_t size)
{
	const struct hs_decision_mark *m = &log->record.mark;

	if (m->size != sizeof(*m) || m->flags || m->lost < log->lost_first || fgetc(log->f) != EOF)
		return wrong(error, size, "record %llu: something follows the end",
			     log->number + 1);
	if (log->number)
		log->lost = m->lost - log->lost_first;
	log->ended = true;
	return 0;
}

int decision_log_next(struct decision_log *log, char *error, size_t size)
{
	const char *what;
	int rc;

	if (log->ended || log->cut)
		return 0;
	rc = read_record(log, error, size);
	if (rc <= 0)
		return rc;
	if (log->record.mark.type == HS_DECISION_END)
		return take_end(log, error, size);
	what = log->record.mark.type == HS_DECISION_STATE ? state_wrong(&log->record.state)
	       : log->record.mark.size < sizeof(log->record.call)
		       ? "its size is not that of its items"
		       : call_wrong(&log->record.call);
	if (!what)
		what = order_wrong(log);
	if (what)
		return wrong(error, size, "record %llu (%s): %s", log->number + 1,
			     decision_type_name(log->record.mark.type), what);
	log->number++;
	return 1;
}

void decision_log_close(struct decision_log *log)
{
	if (log->f)
		fclose(log->f);
	log->f = NULL;
}
