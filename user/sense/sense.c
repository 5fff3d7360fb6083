// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The sensors, and what they have in common. */
#include "sense.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "parse.h"

const struct slow_sensor sense_sensors[SENSE_SENSORS] = {
	{"cpu time", 1, HS_VITAL_CPU_BUSY, HS_VITAL_CPU_STEAL, sense_cpu_time},
	{"memory", 1, HS_VITAL_MEM_AVAILABLE, HS_VITAL_NUMA_MISS, sense_memory},
	/* /proc/net/tcp goes through the whole table of connections to its end, once it is past the listening ones */
	{"listening sockets", 5, HS_VITAL_LISTEN_QUEUE, HS_VITAL_TCP_MEMORY, sense_listen},
	{"network cards", 2, HS_VITAL_NIC_DROPS, HS_VITAL_NIC_DOWN, sense_cards},
	{"cpu clock", 2, HS_VITAL_CPU_FREQ, HS_VITAL_CPU_FREQ_LIMIT, sense_cpu_clock},
	{"thermal", 2, HS_VITAL_THERMAL_HOTTEST, HS_VITAL_THERMAL_SLOPE, sense_thermal},
	{"package power", 2, HS_VITAL_POWER_PACKAGE, HS_VITAL_POWER_PACKAGE, sense_package},
	{"power supply", 5, HS_VITAL_POWER_MACHINE, HS_VITAL_POWER_ON_BATTERY, sense_supply},
	{"energy", 10, HS_VITAL_ENERGY_INSTRUCTION, HS_VITAL_ENERGY_BYTE, sense_energy},
	{"hardware", 10, HS_VITAL_THERMAL_THROTTLES, HS_VITAL_HW_NVME_DOWN, sense_hardware},
	{"infiniband", 10, HS_VITAL_IB_ERRORS, HS_VITAL_IB_DOWN, sense_infiniband},
};

void sense_open(struct sense *s, const char *root)
{
	s->root = root;
	s->clock = clock_ns;
}

void sense_read(struct sense *s, __u32 sensor, struct sense_reading *r)
{
	const struct slow_sensor *row = &sense_sensors[sensor];
	struct sense_value *v = &s->vital[row->first - SENSE_FIRST];
	__u32 nr = row->last + 1 - row->first;

	*r = (struct sense_reading){.sensor = sensor, .measured_ns = s->clock()};
	s->now_ns = r->measured_ns;
	s->span_ms = s->read_ns[sensor] ? (s->now_ns - s->read_ns[sensor]) / NS_PER_MS : 0;
	memset(v, 0, nr * sizeof(*v));
	r->err = row->read(s);
	if (!r->err)
		s->read_ns[sensor] = s->now_ns;
	for (__u32 i = 0; i < nr; i++) {
		r->value[i] = v[i].value;
		r->present |= (__u32)v[i].present << i;
		r->estimated |= (__u32)v[i].estimated << i;
	}
	r->took_ns = s->clock() - s->now_ns;
}

void sense_enter(struct sense *s, enum hs_vital_id id, __u64 value)
{
	s->vital[id - SENSE_FIRST] = (struct sense_value){.value = value, .present = true};
}

void sense_estimate(struct sense *s, enum hs_vital_id id, __u64 value)
{
	sense_enter(s, id, value);
	s->vital[id - SENSE_FIRST].estimated = true;
}

bool sense_present(const struct sense *s, enum hs_vital_id id)
{
	return s->vital[id - SENSE_FIRST].present;
}

void sense_share(struct sense *s, enum hs_vital_id id, __u64 part, __u64 whole)
{
	if (whole)
		sense_enter(s, id, part * 1000 / whole);
}

bool sense_increase(struct sense_counter *counter, __u64 value, __u64 *delta)
{
	bool known = counter->known && value >= counter->last;

	*delta = known ? value - counter->last : 0;
	*counter = (struct sense_counter){value, true};
	return known;
}

void sense_rate(struct sense *s, enum hs_vital_id id, struct sense_counter *counter, __u64 value)
{
	__u64 delta;

	if (sense_increase(counter, value, &delta) && s->span_ms)
		sense_enter(s, id, delta * 1000 / s->span_ms);
}

__attribute__((format(printf, 4, 0))) static int read_at(const struct sense *s, char *buf,
							 size_t size, const char *fmt, va_list ap)
{
	char path[PATH_MAX];
	int len = vsnprintf(path, sizeof(path), fmt, ap);
	ssize_t n;

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	n = read_file(s->root, path, buf, size);
	return n < 0 ? (int)n : 0;
}

int sense_number(const struct sense *s, __u64 *value, const char *fmt, ...)
{
	char buf[32];
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = read_at(s, buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return err ? err : parse_u64(buf, value);
}

int sense_signed(const struct sense *s, __s64 *value, const char *fmt, ...)
{
	char buf[32];
	bool minus;
	va_list ap;
	__u64 size;
	int err;

	va_start(ap, fmt);
	err = read_at(s, buf, sizeof(buf), fmt, ap);
	va_end(ap);
	minus = buf[0] == '-';
	if (!err)
		err = parse_u64_max(buf + minus, LLONG_MAX, &size);
	if (!err)
		*value = minus ? -(__s64)size : (__s64)size;
	return err;
}

bool sense_says(const struct sense *s, const char *word, const char *fmt, ...)
{
	char buf[64];
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = read_at(s, buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return !err && !strcmp(buf, word);
}

int sense_text(struct sense *s, const char *path)
{
	ssize_t len = read_file(s->root, path, s->text, sizeof(s->text));

	return len < 0 && len != -EFBIG ? (int)len : 0;
}

int sense_key(const char *text, const char *key, __u64 *value)
{
	size_t len = strlen(key);
	const char *at = text;

	while ((at = strstr(at, key))) {
		const char *number = at + len + strspn(at + len, " \t");

		if ((at == text || at[-1] == '\n') && number > at + len)
			return parse_digits(&number, ~0ULL, value) ||
					       (*number && !strchr(" \n", *number))
				       ? -EINVAL
				       : 0;
		at += len;
	}
	return -ENOENT;
}

/* The one of that name; else a new one, NULL if there is no room. */
static struct sense_object *object_of(struct sense_set *set, const char *name)
{
	struct sense_object *o;

	for (__u32 i = 0; i < set->nr; i++) {
		if (!strcmp(set->object[i].name, name))
			return &set->object[i];
	}
	if (set->nr == SENSE_OBJECTS || strlen(name) >= SENSE_NAME)
		return NULL;
	o = &set->object[set->nr++];
	memset(o, 0, sizeof(*o));
	strcpy(o->name, name);
	return o;
}

void sense_find(struct sense *s, struct sense_set *set, const char *dir, const char *prefix,
		bool (*fits)(struct sense *s, struct sense_object *object))
{
	struct sense_object *o;
	char path[PATH_MAX];
	struct dirent *e;
	__u32 kept = 0;
	DIR *d;

	if (set->found_ns && s->now_ns - set->found_ns < SENSE_FIND_NS)
		return;
	set->found_ns = s->now_ns;
	for (__u32 i = 0; i < set->nr; i++)
		set->object[i].seen = false;
	d = root_path(path, sizeof(path), s->root, dir) ? NULL : opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || strncmp(e->d_name, prefix, strlen(prefix)))
			continue;
		o = object_of(set, e->d_name);
		if (o)
			o->seen = !fits || fits(s, o);
		/* a bus has many that do not fit: none of them shall take a place */
		if (o && !o->seen && o == &set->object[set->nr - 1])
			set->nr--;
	}
	if (d)
		closedir(d);
	for (__u32 i = 0; i < set->nr; i++) {
		if (set->object[i].seen)
			set->object[kept++] = set->object[i];
	}
	set->nr = kept;
}
